// Model files: text IR (.descent), protobuf binary (.pb) and protobuf text (.pbtxt).
//
//   auto model = ReadModel("circle.descent");   // or "-" for standard input
//   if (!model) ... model.error().ToString() ...
//   WriteModel(*model, "circle.pb");
//
// The name's extension decides the form; where it says nothing, the content does. What is read is
// verified.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ir/diagnostic.h"
#include "ir/model.h"

namespace descent {

enum class ModelForm : uint8_t { kText, kBinary, kProtoText };
std::string_view ToString(ModelForm form);

std::optional<ModelForm> FormOfName(std::string_view path);
ModelForm FormOfContent(std::string_view bytes);

/// `path` "-" is standard input.
Result<Model> ReadModel(const std::string& path);
/// `name` is named in diagnostics; its extension decides the form.
Result<Model> ParseModel(std::string_view bytes, const std::string& name);

/// An error about the model in `path` ("-" is standard input): names the file where nothing is
/// named, and quotes the line where one is known. Other errors stay as they are.
Diagnostic AboutModel(Diagnostic diagnostic, const std::string& path);

Result<std::string> SerializeModel(const Model& model, ModelForm form);
/// `path` "-" is standard output. A name that tells no form gets text.
Result<void> WriteModel(const Model& model, const std::string& path);

}  // namespace descent
