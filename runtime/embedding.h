/* What a program that embeds a compiled model needs beside the ABI: C99 (and C++), nothing but
 * libc's string.h.
 *
 * All functions work on a model's table (`descent_program`) and its state block; the header that
 * `descent compile --emit header` writes holds this text and gives each function the model's name.
 * Nothing allocates. Functions that return int give DESCENT_OK or one of the negative errors below.
 */
#ifndef DESCENT_RUNTIME_EMBEDDING_H_
#define DESCENT_RUNTIME_EMBEDDING_H_

#include <stdint.h>
#include <string.h>

#include "runtime/abi.h"

#ifdef __cplusplus
extern "C" {
#endif

enum {
  DESCENT_OK = 0,
  DESCENT_ERROR_NAME = -1,    /* no tensor of that name */
  DESCENT_ERROR_SIZE = -2,    /* the buffer has not the tensor's size */
  DESCENT_ERROR_TYPE = -3,    /* stored element type or shape differ from the model's */
  DESCENT_ERROR_FORMAT = -4,  /* not a safetensors file, or a damaged one */
  DESCENT_ERROR_MISSING = -5, /* a parameter is not in the file */
  DESCENT_ERROR_VALUE = -7    /* a learning rate below 0, infinite or not a number */
};

/* ---- tensors of the state ------------------------------------------------------------------- */

static inline const descent_slot* descent_find_slot(const descent_program* program,
                                                    const char* name) {
  int64_t i;
  for (i = 0; i < program->slot_count; ++i)
    if (strcmp(program->slots[i].tensor.name, name) == 0) return &program->slots[i];
  return NULL;
}

static inline const descent_slot* descent_find_slot_kind(const descent_program* program,
                                                         int32_t kind) {
  int64_t i;
  for (i = 0; i < program->slot_count; ++i)
    if (program->slots[i].kind == kind) return &program->slots[i];
  return NULL;
}

static inline int64_t descent_tensor_elements(const descent_tensor* tensor) {
  int64_t elements = 1;
  int32_t axis;
  for (axis = 0; axis < tensor->rank; ++axis) elements *= tensor->dims[axis];
  return elements;
}

static inline int64_t descent_element_bytes(int32_t dtype) {
  static const int64_t bytes[] = {4, 8, 4, 8, 1, 1, 2, 2, 1, 2, 2, 4, 8};
  return bytes[dtype];
}

static inline int64_t descent_tensor_bytes(const descent_tensor* tensor) {
  return descent_tensor_elements(tensor) * descent_element_bytes(tensor->dtype);
}

/* Copies `bytes` of a slot's elements, those at one place along all memory axes before `axis`, from
 * row-major to the state or (`to_state` 0) back. */
static inline void descent_copy_axes(const descent_slot* slot, int32_t axis, int64_t bytes,
                                     const char* from, char* to, int to_state) {
  const int32_t rank = slot->tensor.rank;
  int64_t extent, stored_step, row_major_step, i;
  int32_t inner = axis;
  while (inner < rank && slot->order[inner] == inner) ++inner;
  if (inner == rank) { /* their order is the same on both sides */
    memcpy(to, from, (size_t)bytes);
    return;
  }
  extent = slot->tensor.dims[slot->order[axis]];
  stored_step = bytes / extent;
  row_major_step = descent_element_bytes(slot->tensor.dtype);
  for (inner = slot->order[axis] + 1; inner < rank; ++inner)
    row_major_step *= slot->tensor.dims[inner];
  for (i = 0; i < extent; ++i) {
    descent_copy_axes(slot, axis + 1, stored_step, from, to, to_state);
    from += to_state ? row_major_step : stored_step;
    to += to_state ? stored_step : row_major_step;
  }
}

/* Copies a slot of the state, row-major, to `values`. */
static inline void descent_read_slot(const descent_slot* slot, const void* state, char* values) {
  const char* stored = (const char*)state + slot->offset_bytes;
  const int64_t bytes = descent_tensor_bytes(&slot->tensor);
  if (slot->order == NULL)
    memcpy(values, stored, (size_t)bytes);
  else if (bytes > 0)
    descent_copy_axes(slot, 0, bytes, stored, values, 0);
}

/* Replaces it by `values`, row-major. */
static inline void descent_write_slot(const descent_slot* slot, void* state, const char* values) {
  char* stored = (char*)state + slot->offset_bytes;
  const int64_t bytes = descent_tensor_bytes(&slot->tensor);
  if (slot->order == NULL)
    memcpy(stored, values, (size_t)bytes);
  else if (bytes > 0)
    descent_copy_axes(slot, 0, bytes, values, stored, 1);
}

/* Copies a tensor of the state, row-major, to `values`. */
static inline int descent_get_tensor(const descent_program* program, const void* state,
                                     const char* name, void* values, int64_t bytes) {
  const descent_slot* slot = descent_find_slot(program, name);
  if (slot == NULL) return DESCENT_ERROR_NAME;
  if (bytes != descent_tensor_bytes(&slot->tensor)) return DESCENT_ERROR_SIZE;
  descent_read_slot(slot, state, (char*)values);
  return DESCENT_OK;
}

/* Replaces a tensor of the state by `values`, row-major. */
static inline int descent_set_tensor(const descent_program* program, void* state, const char* name,
                                     const void* values, int64_t bytes) {
  const descent_slot* slot = descent_find_slot(program, name);
  if (slot == NULL) return DESCENT_ERROR_NAME;
  if (bytes != descent_tensor_bytes(&slot->tensor)) return DESCENT_ERROR_SIZE;
  descent_write_slot(slot, state, (const char*)values);
  return DESCENT_OK;
}

/* The rate of the next steps, before the schedule; takes effect at once. */
static inline int descent_set_learning_rate(const descent_program* program, void* state,
                                            double rate) {
  const descent_slot* slot = descent_find_slot_kind(program, DESCENT_SLOT_LEARNING_RATE);
  if (slot == NULL) return DESCENT_ERROR_NAME;
  if (!(rate >= 0) || rate - rate != 0) return DESCENT_ERROR_VALUE;
  memcpy((char*)state + slot->offset_bytes, &rate, sizeof rate);
  return DESCENT_OK;
}

static inline double descent_get_learning_rate(const descent_program* program, const void* state) {
  const descent_slot* slot = descent_find_slot_kind(program, DESCENT_SLOT_LEARNING_RATE);
  double rate = 0;
  if (slot != NULL) memcpy(&rate, (const char*)state + slot->offset_bytes, sizeof rate);
  return rate;
}

/* Whether this header fits the linked model, and the CPU the model's code. */
static inline int descent_is_supported(const descent_program* program, const char* model_hash) {
  return program->abi_version == DESCENT_ABI_VERSION &&
         strcmp(program->model_hash, model_hash) == 0 && program->cpu_is_supported();
}

/* First values of the whole state, by the model's initializers, from `seed`. */
static inline uint32_t descent_initialize(const descent_program* program,
                                          const descent_entry* entry, void* state, void* scratch,
                                          int64_t seed, const descent_executor* executor) {
  const descent_slot* slot = descent_find_slot_kind(program, DESCENT_SLOT_SEED);
  descent_call call;
  memset(state, 0, (size_t)program->state_bytes);
  if (slot != NULL) memcpy((char*)state + slot->offset_bytes, &seed, sizeof seed);
  memset(&call, 0, sizeof call);
  call.state = state;
  call.scratch = scratch;
  call.executor = executor;
  return entry->run(&call);
}

/* ---- safetensors in memory: 8 bytes of header length, a JSON object, the data --------------- */

static inline const char* descent_dtype_name(int32_t dtype) {
  static const char* const names[] = {"F32", "F64", "I32", "I64", "U8",  "BOOL", "BF16",
                                      "F16", "I8",  "I16", "U16", "U32", "U64"};
  return names[dtype];
}

/* Writes into a buffer that may be too small, and counts. */
typedef struct descent_writer {
  char* at;
  char* end;
  int64_t bytes;
} descent_writer;

/* Where the next bytes go; NULL where they don't fit, nor any after them. */
static inline char* descent_reserve(descent_writer* writer, int64_t bytes) {
  char* place = NULL;
  if (writer->end - writer->at >= bytes) {
    place = writer->at;
    writer->at += bytes;
  } else {
    writer->at = writer->end;
  }
  writer->bytes += bytes;
  return place;
}

static inline void descent_write(descent_writer* writer, const void* data, int64_t bytes) {
  char* place = descent_reserve(writer, bytes);
  if (place != NULL) memcpy(place, data, (size_t)bytes);
}

static inline void descent_write_text(descent_writer* writer, const char* text) {
  descent_write(writer, text, (int64_t)strlen(text));
}

static inline void descent_write_integer(descent_writer* writer, int64_t value) {
  char digits[24];
  int count = 0;
  do {
    digits[sizeof digits - 1 - (size_t)count++] = (char)('0' + value % 10);
    value /= 10;
  } while (value > 0);
  descent_write(writer, digits + sizeof digits - (size_t)count, count);
}

static inline void descent_write_string(descent_writer* writer, const char* text) {
  descent_write_text(writer, "\"");
  for (; *text != '\0'; ++text) {
    if (*text == '"' || *text == '\\') descent_write_text(writer, "\\");
    descent_write(writer, text, 1);
  }
  descent_write_text(writer, "\"");
}

/* Writes the whole state as a safetensors file if `capacity` suffices, and returns the bytes it
 * takes (call with NULL and 0 to ask). */
static inline int64_t descent_save(const descent_program* program, const void* state, void* buffer,
                                   int64_t capacity) {
  descent_writer writer;
  int64_t i, offset = 0, header;
  int32_t axis;
  unsigned char length[8];
  char none[1];
  writer.at = buffer == NULL ? none : (char*)buffer;
  writer.end = writer.at + (buffer == NULL ? 0 : capacity);
  writer.bytes = 0;
  memset(length, 0, sizeof length);
  descent_write(&writer, length, 8);
  descent_write_text(&writer, "{");
  for (i = 0; i < program->slot_count; ++i) {
    const descent_slot* slot = &program->slots[i];
    const int64_t bytes = descent_tensor_bytes(&slot->tensor);
    if (i > 0) descent_write_text(&writer, ",");
    descent_write_string(&writer, slot->tensor.name);
    descent_write_text(&writer, ":{\"dtype\":\"");
    descent_write_text(&writer, descent_dtype_name(slot->tensor.dtype));
    descent_write_text(&writer, "\",\"shape\":[");
    for (axis = 0; axis < slot->tensor.rank; ++axis) {
      if (axis > 0) descent_write_text(&writer, ",");
      descent_write_integer(&writer, slot->tensor.dims[axis]);
    }
    descent_write_text(&writer, "],\"data_offsets\":[");
    descent_write_integer(&writer, offset);
    descent_write_text(&writer, ",");
    descent_write_integer(&writer, offset + bytes);
    descent_write_text(&writer, "]}");
    offset += bytes;
  }
  descent_write_text(&writer, "}");
  while (writer.bytes % 8 != 0) descent_write_text(&writer, " ");
  header = writer.bytes - 8;
  for (i = 0; i < program->slot_count; ++i) {
    const descent_slot* slot = &program->slots[i];
    const int64_t bytes = descent_tensor_bytes(&slot->tensor);
    char* place = descent_reserve(&writer, bytes);
    if (place != NULL) descent_read_slot(slot, state, place);
  }
  for (i = 0; i < 8; ++i) length[i] = (unsigned char)((uint64_t)header >> (8 * i));
  if (buffer != NULL && capacity >= 8) memcpy(buffer, length, 8);
  return writer.bytes;
}

/* A cursor over JSON text; `at` becomes NULL at the first error. */
typedef struct descent_reader {
  const char* at;
  const char* end;
} descent_reader;

static inline int descent_peek(descent_reader* reader) {
  while (reader->at != NULL && reader->at < reader->end &&
         (*reader->at == ' ' || *reader->at == '\t' || *reader->at == '\n' || *reader->at == '\r'))
    ++reader->at;
  return reader->at != NULL && reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static inline int descent_take(descent_reader* reader, char c) {
  if (descent_peek(reader) != (unsigned char)c) return 0;
  ++reader->at;
  return 1;
}

static inline void descent_expect(descent_reader* reader, char c) {
  if (!descent_take(reader, c)) reader->at = NULL;
}

/* A string without its quotes, escapes still in it. */
static inline descent_reader descent_read_string(descent_reader* reader) {
  descent_reader text;
  descent_expect(reader, '"');
  text.at = text.end = reader->at;
  while (reader->at != NULL && reader->at < reader->end && *reader->at != '"') {
    if (*reader->at == '\\') ++reader->at;
    ++reader->at;
  }
  if (reader->at == NULL || reader->at >= reader->end) {
    reader->at = NULL;
    return text;
  }
  text.end = reader->at++;
  return text;
}

/* Compares, taking \x for x; other escapes never match (a name that needs them is not found). */
static inline int descent_string_is(descent_reader text, const char* expected) {
  if (text.at == NULL) return 0;
  for (; text.at < text.end && *expected != '\0'; ++text.at, ++expected) {
    if (*text.at == '\\' && (text.at[1] == '"' || text.at[1] == '\\' || text.at[1] == '/'))
      ++text.at;
    if (*text.at != *expected) return 0;
  }
  return text.at == text.end && *expected == '\0';
}

static inline int64_t descent_read_integer(descent_reader* reader) {
  int64_t value = 0;
  int c = descent_peek(reader);
  if (c < '0' || c > '9') reader->at = NULL;
  while (reader->at != NULL && reader->at < reader->end && *reader->at >= '0' &&
         *reader->at <= '9') {
    if (value > (INT64_MAX - 9) / 10) {
      reader->at = NULL;
      return 0;
    }
    value = value * 10 + (*reader->at++ - '0');
  }
  return value;
}

/* Skips one value of any kind. */
static inline void descent_skip(descent_reader* reader) {
  int64_t depth = 0;
  do {
    const int c = descent_peek(reader);
    if (c < 0 || c == ',' || c == ':') {
      if (c < 0 || depth == 0) {
        reader->at = NULL;
        return;
      }
      ++reader->at;
    } else if (c == '"') {
      descent_read_string(reader);
    } else {
      if (c == '{' || c == '[') ++depth;
      if (c == '}' || c == ']') --depth;
      ++reader->at;
      if (depth == 0 && c != '}' && c != ']')
        while (reader->at < reader->end && *reader->at != ',' && *reader->at != '}' &&
               *reader->at != ']')
          ++reader->at;
    }
  } while (reader->at != NULL && depth > 0);
  if (depth < 0) reader->at = NULL;
}

/* What the file says about one tensor. */
typedef struct descent_stored {
  descent_reader dtype;
  int64_t dims[16];
  int32_t rank;
  int64_t begin, end;
} descent_stored;

static inline void descent_read_stored(descent_reader* reader, descent_stored* stored) {
  memset(stored, 0, sizeof *stored);
  stored->end = -1;
  descent_expect(reader, '{');
  do {
    const descent_reader key = descent_read_string(reader);
    descent_expect(reader, ':');
    if (descent_string_is(key, "dtype")) {
      stored->dtype = descent_read_string(reader);
    } else if (descent_string_is(key, "shape")) {
      descent_expect(reader, '[');
      while (reader->at != NULL && !descent_take(reader, ']')) {
        if (stored->rank == 16) reader->at = NULL;
        if (stored->rank > 0) descent_expect(reader, ',');
        if (reader->at != NULL) stored->dims[stored->rank++] = descent_read_integer(reader);
      }
    } else if (descent_string_is(key, "data_offsets")) {
      descent_expect(reader, '[');
      stored->begin = descent_read_integer(reader);
      descent_expect(reader, ',');
      stored->end = descent_read_integer(reader);
      descent_expect(reader, ']');
    } else {
      descent_skip(reader);
    }
  } while (reader->at != NULL && descent_take(reader, ','));
  descent_expect(reader, '}');
}

static inline int descent_check_stored(const descent_slot* slot, const descent_stored* stored,
                                       int64_t bytes) {
  int32_t axis;
  if (!descent_string_is(stored->dtype, descent_dtype_name(slot->tensor.dtype)) ||
      stored->rank != slot->tensor.rank)
    return DESCENT_ERROR_TYPE;
  for (axis = 0; axis < stored->rank; ++axis)
    if (stored->dims[axis] != slot->tensor.dims[axis]) return DESCENT_ERROR_TYPE;
  if (stored->begin > stored->end || stored->end > bytes ||
      stored->end - stored->begin != descent_tensor_bytes(&slot->tensor))
    return DESCENT_ERROR_FORMAT;
  return DESCENT_OK;
}

/* What a safetensors file says about the tensor `name`; the whole header is checked. */
static inline int descent_find_stored(const char* json, int64_t json_bytes, const char* name,
                                      descent_stored* stored) {
  descent_reader reader;
  int found = 0;
  reader.at = json;
  reader.end = json + json_bytes;
  descent_expect(&reader, '{');
  if (descent_take(&reader, '}')) return DESCENT_ERROR_MISSING;
  do {
    const descent_reader key = descent_read_string(&reader);
    descent_expect(&reader, ':');
    if (descent_string_is(key, name)) {
      if (found) return DESCENT_ERROR_FORMAT;
      descent_read_stored(&reader, stored);
      found = 1;
    } else {
      descent_skip(&reader);
    }
  } while (reader.at != NULL && descent_take(&reader, ','));
  descent_expect(&reader, '}');
  if (reader.at == NULL) return DESCENT_ERROR_FORMAT;
  return found ? DESCENT_OK : DESCENT_ERROR_MISSING;
}

/* Where the data of the last tensor ends, ignored ones included; -1 if the header is damaged. */
static inline int64_t descent_stored_end(const char* json, int64_t json_bytes) {
  descent_reader reader;
  int64_t end = 0;
  reader.at = json;
  reader.end = json + json_bytes;
  descent_expect(&reader, '{');
  if (descent_take(&reader, '}')) return 0;
  do {
    const descent_reader key = descent_read_string(&reader);
    descent_expect(&reader, ':');
    if (descent_string_is(key, "__metadata__")) {
      descent_skip(&reader);
    } else {
      descent_stored stored;
      descent_read_stored(&reader, &stored);
      if (stored.end > end) end = stored.end;
    }
  } while (reader.at != NULL && descent_take(&reader, ','));
  return reader.at == NULL ? -1 : end;
}

/* Reads tensors of the state from a safetensors file in memory: every parameter must be there;
 * optimizer state, statistics, seed, step and learning rate are taken where the file has them;
 * others are ignored. The state is changed only if the whole file is good, and ends with its data.
 */
static inline int descent_load(const descent_program* program, void* state, const void* file,
                               int64_t bytes) {
  const unsigned char* length = (const unsigned char*)file;
  const char* json = (const char*)file + 8;
  uint64_t json_bytes = 0;
  int64_t i;
  int copy;
  if (file == NULL || bytes < 8) return DESCENT_ERROR_FORMAT;
  for (i = 0; i < 8; ++i) json_bytes |= (uint64_t)length[i] << (8 * i);
  if (json_bytes > (uint64_t)(bytes - 8)) return DESCENT_ERROR_FORMAT;
  for (copy = 0; copy < 2; ++copy) {
    for (i = 0; i < program->slot_count; ++i) {
      const descent_slot* slot = &program->slots[i];
      descent_stored stored;
      int error = descent_find_stored(json, (int64_t)json_bytes, slot->tensor.name, &stored);
      if (error == DESCENT_ERROR_MISSING && slot->kind != DESCENT_SLOT_PARAMETER) continue;
      if (error == DESCENT_OK)
        error = descent_check_stored(slot, &stored, bytes - 8 - (int64_t)json_bytes);
      if (error != DESCENT_OK) return error;
      if (copy) descent_write_slot(slot, state, json + json_bytes + stored.begin);
    }
    if (descent_stored_end(json, (int64_t)json_bytes) != bytes - 8 - (int64_t)json_bytes)
      return DESCENT_ERROR_FORMAT;
  }
  return DESCENT_OK;
}

#ifdef __cplusplus
}
#endif

#endif /* DESCENT_RUNTIME_EMBEDDING_H_ */
