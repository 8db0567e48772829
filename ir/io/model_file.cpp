#include "ir/io/model_file.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "ir/io/limits.h"
#include "ir/io/model_proto.h"
#include "ir/io/text_lexer.h"
#include "ir/io/text_parser.h"
#include "ir/io/text_printer.h"
#include "ir/utf8.h"

namespace descent {
namespace {

struct Form {
  ModelForm form;
  std::string_view name;
  std::string_view extension;
  Result<Model> (*parse)(std::string_view bytes, const std::string& file);
  Result<std::string> (*serialize)(const Model& model);
};

const Form& Info(ModelForm form) {
  static const Form kForms[] = {
      {ModelForm::kText, "text IR", ".descent",
       [](std::string_view bytes, const std::string& file) { return ParseText(bytes, file); },
       [](const Model& model) -> Result<std::string> { return PrintText(model); }},
      {ModelForm::kBinary, "binary protobuf", ".pb", ParseBinary,
       [](const Model& model) { return SerializeBinary(model); }},
      {ModelForm::kProtoText, "protobuf text", ".pbtxt", ParseProtoText, SerializeProtoText},
  };
  return kForms[static_cast<size_t>(form)];
}

constexpr ModelForm kForms[] = {ModelForm::kText, ModelForm::kBinary, ModelForm::kProtoText};

std::unexpected<Diagnostic> IoError(std::string_view what, const std::string& path) {
  return ErrorWithStatus(ExitStatus::kIo, "cannot {} {}: {}", what, Quoted(path),
                         std::strerror(errno));
}

using File = std::unique_ptr<FILE, int (*)(FILE*)>;

Result<std::string> ReadAll(FILE* file, const std::string& path) {
  std::string bytes;
  char buffer[1 << 16];
  while (const size_t count = std::fread(buffer, 1, sizeof(buffer), file)) {
    if (bytes.size() + count > kMaxModelBytes)
      return Error("{} is larger than {} bytes, the most that is read", Quoted(path),
                   kMaxModelBytes);
    bytes.append(buffer, count);
  }
  if (std::ferror(file)) return IoError("read", path);
  return bytes;
}

}  // namespace

std::string_view ToString(ModelForm form) { return Info(form).name; }

std::optional<ModelForm> FormOfName(std::string_view path) {
  for (const ModelForm form : kForms)
    if (path.ends_with(Info(form).extension)) return form;
  return std::nullopt;
}

ModelForm FormOfContent(std::string_view bytes) {
  const bool is_text = !FirstInvalidUtf8(bytes) && std::ranges::none_of(bytes, [](char c) {
    return static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\r' && c != '\t';
  });
  if (!is_text) return ModelForm::kBinary;
  // The first word behind blanks and comments, which both text forms begin with '#'.
  if (bytes.starts_with("\xef\xbb\xbf")) bytes.remove_prefix(3);
  while (true) {
    bytes.remove_prefix(std::min(bytes.find_first_not_of(" \t\r\n"), bytes.size()));
    if (!bytes.starts_with('#')) break;
    bytes.remove_prefix(std::min(bytes.find('\n'), bytes.size()));
  }
  return bytes.empty() || bytes.starts_with("descent") || bytes.starts_with("model")
             ? ModelForm::kText
             : ModelForm::kProtoText;
}

Result<Model> ParseModel(std::string_view bytes, const std::string& name) {
  const ModelForm form = FormOfName(name).value_or(FormOfContent(bytes));
  auto model = Info(form).parse(bytes, name);
  if (!model) {
    const ModelForm content = FormOfContent(bytes);
    if (content != form && model.error().hint.empty())
      model.error().hint = fmt::format("the content looks like {}: such files end in {}",
                                       ToString(content), Info(content).extension);
    return model;
  }
  if (auto verified = Verify(*model); !verified) {
    Diagnostic diagnostic = std::move(verified).error();
    if (diagnostic.location.file.empty()) diagnostic.location.file = name;
    if (diagnostic.location.line > 0)
      diagnostic.snippet = SourceLine(bytes, diagnostic.location.line);
    return std::unexpected(std::move(diagnostic));
  }
  return model;
}

Result<Model> ReadModel(const std::string& path) {
  if (path == "-") {
    DESCENT_TRY(bytes, ReadAll(stdin, path));
    return ParseModel(bytes, "<stdin>");
  }
  const File file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) return IoError("read", path);
  DESCENT_TRY(bytes, ReadAll(file.get(), path));
  return ParseModel(bytes, path);
}

Diagnostic AboutModel(Diagnostic diagnostic, const std::string& path) {
  if (diagnostic.status != ExitStatus::kInvalid && diagnostic.status != ExitStatus::kUnsupported)
    return diagnostic;
  SourceLocation& location = diagnostic.location;
  if (location.file.empty()) location.file = path == "-" ? "<stdin>" : path;
  if (location.file != path || location.line <= 0 || !diagnostic.snippet.empty()) return diagnostic;
  const File file(std::fopen(path.c_str(), "rb"), std::fclose);
  if (file == nullptr) return diagnostic;
  if (const auto bytes = ReadAll(file.get(), path))
    diagnostic.snippet = SourceLine(*bytes, location.line);
  return diagnostic;
}

Result<std::string> SerializeModel(const Model& model, ModelForm form) {
  return Info(form).serialize(model);
}

Result<void> WriteModel(const Model& model, const std::string& path) {
  DESCENT_TRY(bytes, SerializeModel(model, FormOfName(path).value_or(ModelForm::kText)));
  const bool is_stdout = path == "-";
  File file(is_stdout ? stdout : std::fopen(path.c_str(), "wb"),
            is_stdout ? std::fflush : std::fclose);
  if (file == nullptr) return IoError("write", path);
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file.get()) == bytes.size();
  if (!written) return IoError("write", path);
  if ((is_stdout ? std::fflush(file.release()) : std::fclose(file.release())) != 0)
    return IoError("write", path);
  return {};
}

}  // namespace descent
