#include "ir/io/model_proto.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/tokenizer.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/text_format.h>

#include "ir/io/limits.h"
#include "ir/io/proto_reader.h"
#include "ir/io/proto_writer.h"
#include "ir/utf8.h"

namespace descent {
namespace {

/// The first complaint of protobuf's text parser.
class FirstError : public google::protobuf::io::ErrorCollector {
 public:
  void AddError(int line, google::protobuf::io::ColumnNumber column,
                const std::string& message) override {
    if (found) return;
    found = true;
    diagnostic.message = message;
    while (diagnostic.message.ends_with('.')) diagnostic.message.pop_back();
    diagnostic.location.line = line + 1;
    diagnostic.location.column = column + 1;
  }
  void AddWarning(int, google::protobuf::io::ColumnNumber, const std::string&) override {}

  bool found = false;
  Diagnostic diagnostic;
};

std::unexpected<Diagnostic> InFile(Diagnostic diagnostic, const std::string& file) {
  diagnostic.location.file = file;
  return std::unexpected(std::move(diagnostic));
}

Result<Model> FromMessage(proto::Model& message, const std::string& file) {
  // What a file says and this version does not know is not silently dropped.
  if (message.format_version() <= static_cast<uint32_t>(kFormatVersion)) {
    const size_t bytes = message.ByteSizeLong();
    message.DiscardUnknownFields();
    if (message.ByteSizeLong() != bytes)
      return InFile({.message = "the file has fields that format version 1 does not define"}, file);
  }
  auto model = ProtoReader().Read(message);
  if (!model) return InFile(std::move(model).error(), file);
  return model;
}

Result<void> CheckSize(size_t bytes, const std::string& file) {
  if (bytes <= kMaxModelBytes) return {};
  return InFile(
      {.message = fmt::format("the file has {} bytes; at most {} are read", bytes, kMaxModelBytes)},
      file);
}

}  // namespace

Result<std::string> SerializeBinary(const Model& model, ProtoContent content) {
  const google::protobuf::LogSilencer silence;
  proto::Model message;
  ProtoWriter(content).Write(model, message);
  if (message.ByteSizeLong() > kMaxModelBytes)
    return Error("the model has {} bytes; a model file has at most {}", message.ByteSizeLong(),
                 kMaxModelBytes);
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeWithCachedSizes(&coded);
  }
  return bytes;
}

Result<std::string> SerializeProtoText(const Model& model) {
  const google::protobuf::LogSilencer silence;
  proto::Model message;
  ProtoWriter(ProtoContent::kAll).Write(model, message);
  google::protobuf::TextFormat::Printer printer;
  printer.SetUseUtf8StringEscaping(true);
  std::string text;
  if (!printer.PrintToString(message, &text)) return Error("the model could not be printed");
  return "# proto-file: ir/graph.proto\n# proto-message: descent.proto.Model\n\n" + text;
}

Result<Model> ParseBinary(std::string_view bytes, const std::string& file) {
  const google::protobuf::LogSilencer silence;
  DESCENT_RETURN_IF_ERROR(CheckSize(bytes.size(), file));
  proto::Model message;
  if (!message.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return InFile({.message = "this is not a model in protobuf's binary form, or it is damaged"},
                  file);
  return FromMessage(message, file);
}

Result<Model> ParseProtoText(std::string_view text, const std::string& file) {
  const google::protobuf::LogSilencer silence;
  DESCENT_RETURN_IF_ERROR(CheckSize(text.size(), file));
  if (FirstInvalidUtf8(text)) return InFile({.message = "the file is not UTF-8"}, file);
  proto::Model message;
  FirstError errors;
  google::protobuf::TextFormat::Parser parser;
  parser.RecordErrorsTo(&errors);
  // A body lies four messages below the graph around it.
  parser.SetRecursionLimit(4 * kMaxBodyDepth + 16);
  google::protobuf::io::ArrayInputStream stream(text.data(), static_cast<int>(text.size()));
  if (!parser.Parse(&stream, &message)) {
    if (!errors.found) errors.diagnostic.message = "this is not a model in protobuf's text form";
    return InFile(std::move(errors.diagnostic), file);
  }
  return FromMessage(message, file);
}

}  // namespace descent
