#include "compiler/emit_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>
#include <vector>

#include "compiler/c_identifier.h"
#include "compiler/header_text.h"
#include "runtime/abi.h"

namespace descent {
namespace {

/// What is said about each entry point; `const_state`: it only reads the state.
struct EntryDoc {
  std::string_view name;
  std::string_view doc;
  bool const_state;
};
constexpr EntryDoc kEntryDocs[] = {
    {"train_step", "One training step: loss, gradients and update of the state.", false},
    {"evaluate",
     "Loss and metric sums of one batch; add the sums of all batches and give them to\n"
     " * the entry `metrics`. Threads may share the state.",
     true},
    {"predict", "Predictions for one batch. Threads may share the state.", true},
    {"metrics", "The final metrics from sums added over all batches.", true},
    {"run", "The model as a function. Threads may share the state.", true},
};

const EntryDoc& DocOf(const std::string& entry) {
  const auto place = std::ranges::find(kEntryDocs, entry, &EntryDoc::name);
  return place == std::end(kEntryDocs) ? kEntryDocs[0] : *place;
}

std::string Upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

/// Any text inside a C comment: it neither ends the comment nor looks like the beginning of one,
/// and no control character turns the direction of what a reader sees (U+202A to 202E, U+2066 to
/// 2069).
std::string InComment(std::string_view text) {
  std::string safe;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i], before = safe.empty() ? ' ' : safe.back();
    if ((c == '/' && before == '*') || (c == '*' && before == '/')) safe += ' ';
    const std::string_view next = text.substr(i, 3);
    const bool turns = (next >= "\xe2\x80\xaa" && next <= "\xe2\x80\xae") ||
                       (next >= "\xe2\x81\xa6" && next <= "\xe2\x81\xa9");
    safe += static_cast<unsigned char>(c) < 0x20 || turns ? ' ' : c;
    if (turns) i += 2;
  }
  return safe;
}

/// Whether a header may define it: of the standard ones, or the header at hand.
bool MayBeMacro(std::string_view name) {
  constexpr std::string_view kShort[] = {"NULL", "EOF", "NAN", "INFINITY", "BUFSIZ", "I"};
  return std::ranges::find(kShort, name) != std::end(kShort) ||
         (name.find('_') != std::string_view::npos &&
          std::ranges::none_of(name, [](unsigned char c) { return std::islower(c); }));
}

/// A struct's member that no macro replaces.
std::string FieldName(std::string_view name, std::set<std::string>& taken) {
  const std::string safe = SafeIdentifier(name);
  return UniqueIdentifier(MayBeMacro(safe) ? safe + "_" : safe, taken);
}

/// One field of an inputs or outputs struct.
struct Field {
  std::string name;  ///< as C has it
  std::string c_type;
  std::string comment;
  bool is_const;
};

std::string NormalizationNote(const InputBinding& binding) {
  switch (binding.normalization) {
    case Normalization::kNone:
      return "";
    case Normalization::kScale:
      return fmt::format(", already multiplied by {}", binding.scale);
    case Normalization::kStandardize:
    case Normalization::kMinMax:
      return fmt::format(", already normalized ({}, as fitted in training; the checkpoint has it)",
                         ToString(binding.normalization));
  }
  return "";
}

/// The type, and what the bits of a C type that has no arithmetic for it are.
std::string TypeNote(const TensorType& type) {
  if (type.dtype == DType::kBF16) return ToString(type) + ", the upper halves of floats";
  if (type.dtype == DType::kF16) return ToString(type) + ", the bits of IEEE 754 binary16";
  return ToString(type);
}

std::vector<Field> InputFields(const EntryProgram& entry) {
  std::vector<Field> fields;
  std::set<std::string> taken;
  for (const EntryInput& input : entry.inputs) {
    const Buffer& buffer = entry.buffers[input.buffer];
    std::string comment = TypeNote(buffer.type);
    if (entry.name != "metrics") {
      comment += fmt::format(" from {}{}", input.binding.column, NormalizationNote(input.binding));
      if (input.index_limit > 0) comment += fmt::format(", indices below {}", input.index_limit);
    }
    fields.push_back({FieldName(input.binding.name, taken),
                      std::string(Info(buffer.type.dtype).c_type), std::move(comment), true});
  }
  return fields;
}

std::vector<Field> OutputFields(const EntryProgram& entry) {
  std::vector<Field> fields;
  std::set<std::string> taken;
  for (const EntryOutput& output : entry.outputs) {
    const Buffer& buffer = entry.buffers[output.buffer];
    fields.push_back({FieldName(output.name, taken), std::string(Info(buffer.type.dtype).c_type),
                      TypeNote(buffer.type), false});
  }
  return fields;
}

std::string Struct(const std::string& name, const std::vector<Field>& fields) {
  std::string text = fmt::format("typedef struct {} {{\n", name);
  for (const Field& field : fields)
    text += fmt::format("  {}{}* {}; /* {} */\n", field.is_const ? "const " : "", field.c_type,
                        field.name, InComment(field.comment));
  return text + fmt::format("}} {};\n\n", name);
}

/// "slots[0] = inputs->x; ..." into the arrays that the ABI takes.
std::string FillArray(std::string_view array, std::string_view source,
                      const std::vector<Field>& fields) {
  std::string text;
  for (size_t i = 0; i < fields.size(); ++i)
    text += fmt::format("  {}[{}] = {}->{};\n", array, i, source, fields[i].name);
  return text;
}

std::string ScratchMacro(const std::string& macro, const ScratchBytes& scratch) {
  return fmt::format(
      "#define {0}_SCRATCH_BYTES(threads) (INT64_C({1}) + (int64_t)(threads) * INT64_C({2}))\n",
      macro, scratch.fixed_bytes, scratch.worker_bytes);
}

/// What whichever entry point can work in; never 0, so that it may be an array's extent.
ScratchBytes ScratchOfAny(std::span<const ScratchBytes> entries) {
  ScratchBytes any{.fixed_bytes = DESCENT_ALIGNMENT, .worker_bytes = 0};
  for (const ScratchBytes& entry : entries) {
    any.fixed_bytes = std::max(any.fixed_bytes, entry.fixed_bytes);
    any.worker_bytes = std::max(any.worker_bytes, entry.worker_bytes);
  }
  return any;
}

std::string EntryConstants(const std::string& prefix, const EntryProgram& entry,
                           const ScratchBytes& scratch) {
  const std::string macro = Upper(prefix + "_" + entry.name);
  std::string text;
  if (entry.batch > 0) text += fmt::format("#define {}_BATCH INT64_C({})\n", macro, entry.batch);
  return text + ScratchMacro(macro, scratch);
}

std::string InitializeFunction(const std::string& prefix, size_t number) {
  return fmt::format(
      "/* The first value of the whole state, by the model's initializers, from `seed`; scratch "
      "of\n"
      " * {1}_INITIALIZE_SCRATCH_BYTES(threads). Returns 0 or an or of DESCENT_STATUS_*. */\n"
      "static inline uint32_t {0}_initialize(void* state, void* scratch, int64_t seed,\n"
      "                                      const descent_executor* executor) {{\n"
      "  return descent_initialize(&{0}_program, &{0}_program.entries[{2}], state, scratch, seed, "
      "executor);\n}}\n\n",
      prefix, Upper(prefix), number);
}

/// What valid_rows means to an entry point.
std::string RowsNote(const KernelProgram& program, const EntryProgram& entry) {
  const std::string batch = Upper(program.prefix + "_" + entry.name) + "_BATCH";
  if (entry.batch == 0) return "";
  return entry.name == "train_step" && !program.keep_partial_batch
             ? fmt::format("; every one of the {} rows counts", batch)
             : fmt::format("; valid_rows <= {}, the rest is padding", batch);
}

std::string EntryFunction(const KernelProgram& program, size_t number) {
  const std::string& prefix = program.prefix;
  const EntryProgram& entry = program.entries[number];
  const EntryDoc& doc = DocOf(entry.name);
  const auto inputs = InputFields(entry), outputs = OutputFields(entry);
  const std::string name = prefix + "_" + entry.name;
  const bool rows = entry.batch > 0;
  std::string text, parameters, body;
  if (!inputs.empty()) {
    text += Struct(name + "_inputs", inputs);
    parameters += fmt::format(",\n    const {}_inputs* inputs", name);
    body += fmt::format("  const void* input_array[{}];\n", inputs.size());
  }
  if (!outputs.empty()) {
    text += Struct(name + "_outputs", outputs);
    parameters += fmt::format(",\n    const {}_outputs* outputs", name);
    body += fmt::format("  void* output_array[{}];\n", outputs.size());
  }
  if (rows) parameters += ",\n    int64_t valid_rows";
  body += "  descent_call call;\n";
  body +=
      FillArray("input_array", "inputs", inputs) + FillArray("output_array", "outputs", outputs);
  body += fmt::format("  call.state = {};\n  call.scratch = scratch;\n",
                      doc.const_state ? "(void*)state" : "state");
  body += fmt::format("  call.inputs = {};\n", inputs.empty() ? "NULL" : "input_array");
  body += fmt::format("  call.outputs = {};\n", outputs.empty() ? "NULL" : "output_array");
  body +=
      fmt::format("  call.valid_rows = {};\n  call.executor = executor;\n  call.observer = NULL;\n",
                  rows ? "valid_rows" : "0");
  body += fmt::format("  return {}_program.entries[{}].run(&call);\n", prefix, number);
  text += fmt::format(
      "/* {}\n * Scratch of {}_SCRATCH_BYTES(threads){}.\n * Returns 0 or an or of "
      "DESCENT_STATUS_*. */\n",
      doc.doc, Upper(name), RowsNote(program, entry));
  return text + fmt::format(
                    "static inline uint32_t {}(\n    {}void* state, void* scratch{},\n"
                    "    const descent_executor* executor) {{\n{}}}\n\n",
                    name, doc.const_state ? "const " : "", parameters, body);
}

std::string StateFunctions(const std::string& prefix, bool has_weights, bool trains) {
  std::string text = fmt::format(
      "/* Copies a tensor of the state by name, row-major; `bytes` must be its size. Returns "
      "DESCENT_OK or\n"
      " * DESCENT_ERROR_*. The names and shapes are listed at the top. */\n"
      "static inline int {0}_get(const void* state, const char* name, void* values, int64_t bytes) "
      "{{\n"
      "  return descent_get_tensor(&{0}_program, state, name, values, bytes);\n}}\n"
      "static inline int {0}_set(void* state, const char* name, const void* values, int64_t bytes) "
      "{{\n"
      "  return descent_set_tensor(&{0}_program, state, name, values, bytes);\n}}\n\n"
      "/* Writes the state as a safetensors file into `buffer` when `capacity` suffices; returns "
      "the bytes it\n"
      " * takes ({0}_save(state, NULL, 0) asks). */\n"
      "static inline int64_t {0}_save(const void* state, void* buffer, int64_t capacity) {{\n"
      "  return descent_save(&{0}_program, state, buffer, capacity);\n}}\n\n"
      "/* Reads parameters, and the rest of the state where it is there, from a safetensors file "
      "in memory. The\n"
      " * state is changed only if all is good. Returns DESCENT_OK or DESCENT_ERROR_*. */\n"
      "static inline int {0}_load(void* state, const void* file, int64_t bytes) {{\n"
      "  return descent_load(&{0}_program, state, file, bytes);\n}}\n\n",
      prefix);
  if (has_weights)
    text += fmt::format(
        "/* Reads the weights that were compiled in. */\n"
        "static inline int {0}_load_weights(void* state) {{\n"
        "  return descent_load(&{0}_program, state, {0}_program.weights, "
        "{0}_program.weights_bytes);\n}}\n\n",
        prefix);
  if (trains)
    text += fmt::format(
        "/* The rate of the next steps, before the schedule. */\n"
        "static inline int {0}_set_learning_rate(void* state, double rate) {{\n"
        "  return descent_set_learning_rate(&{0}_program, state, rate);\n}}\n"
        "static inline double {0}_get_learning_rate(const void* state) {{\n"
        "  return descent_get_learning_rate(&{0}_program, state);\n}}\n\n",
        prefix);
  return text;
}

/// The header fits the object only if both come from one compilation with the same options.
std::string SupportFunction(const KernelProgram& program) {
  std::string text = fmt::format(
      "/* Whether this header belongs to the linked model, and the CPU has what its code needs. "
      "*/\n"
      "static inline int {0}_is_supported(void) {{\n"
      "  return descent_is_supported(&{0}_program, {1}_MODEL_HASH) &&\n"
      "         {0}_program.state_bytes == {1}_STATE_BYTES && {0}_program.entry_count == {2}",
      program.prefix, Upper(program.prefix), program.entries.size());
  for (size_t i = 0; i < program.entries.size(); ++i)
    text += fmt::format(" &&\n         {0}_program.entries[{1}].batch == {2}", program.prefix, i,
                        program.entries[i].batch);
  return text + ";\n}\n\n";
}

std::string_view SlotWord(int kind) {
  static constexpr std::string_view kWords[] = {"parameter", "statistic", "optimizer state",
                                                "seed",      "step",      "learning rate"};
  return kWords[kind];
}

std::string Opening(const KernelProgram& program) {
  std::string text = fmt::format(
      "/* The compiled model {1}, for C99 and C++. Made by {2}; do not edit.\n"
      " *\n"
      " * Memory belongs to the caller: a state block of {0}_STATE_BYTES and, for each concurrent "
      "call, a\n"
      " * scratch block of {0}_SCRATCH_BYTES(threads), both aligned to {0}_ALIGNMENT. An executor "
      "of NULL is\n"
      " * serial (1 thread); the bits are the same with any executor. Nothing here allocates or "
      "needs more\n"
      " * than libc.\n *\n"
      " * Tensors of the state:\n",
      Upper(program.prefix), InComment(program.name), kCompilerVersion);
  for (const StateSlot& slot : program.state)
    text += fmt::format(" *   {}: {}, {}\n", InComment(slot.name), ToString(slot.type),
                        SlotWord(slot.kind));
  return text + " */\n";
}

/// The embedded text may not include the file that stands above it.
std::string WithoutAbiInclude(std::string_view text) {
  std::string copy(text);
  const std::string include = "#include \"runtime/abi.h\"\n";
  const size_t at = copy.find(include);
  if (at != std::string::npos) copy.erase(at, include.size());
  return copy;
}

}  // namespace

std::string EmitHeader(const KernelProgram& program, const HeaderOptions& options) {
  const std::string& prefix = program.prefix;
  const std::string macro = Upper(prefix);
  std::string text = Opening(program);
  text += fmt::format("#ifndef {0}_H_\n#define {0}_H_\n\n{1}\n{2}\n", macro, kAbiText,
                      WithoutAbiInclude(kEmbeddingText));
  text += "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n";
  text += fmt::format(
      "#define {0}_ABI_VERSION DESCENT_ABI_VERSION\n"
      "#define {0}_ALIGNMENT DESCENT_ALIGNMENT\n"
      "#define {0}_MODEL_HASH \"{1}\"\n"
      "#define {0}_STATE_BYTES INT64_C({2})\n",
      macro, program.model_hash, program.state_bytes);
  text += "/* Enough for every entry point; those below are enough for one. */\n";
  text += ScratchMacro(macro, ScratchOfAny(options.scratch));
  for (size_t i = 0; i < program.entries.size(); ++i)
    text += EntryConstants(prefix, program.entries[i], options.scratch[i]);
  text += fmt::format(
      "\n/* The table behind all functions. */\nextern const descent_program "
      "{}_program;\n\n",
      prefix);
  text += SupportFunction(program);
  for (size_t i = 0; i < program.entries.size(); ++i)
    text += program.entries[i].name == "initialize" ? InitializeFunction(prefix, i)
                                                    : EntryFunction(program, i);
  const bool trains = std::ranges::any_of(
      program.entries, [](const EntryProgram& entry) { return entry.name == "train_step"; });
  text += StateFunctions(prefix, options.has_weights, trains);
  return text + fmt::format("#ifdef __cplusplus\n}}\n#endif\n\n#endif /* {}_H_ */\n", macro);
}

}  // namespace descent
