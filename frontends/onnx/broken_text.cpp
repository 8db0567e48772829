#include "frontends/onnx/broken_text.h"

#include <fmt/format.h>
#include <google/protobuf/descriptor.h>

#include "frontends/onnx/wire_format.h"
#include "ir/diagnostic.h"
#include "ir/utf8.h"

namespace descent::onnx {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

/// As deep as protobuf itself goes.
constexpr int kMaxDepth = 100;
constexpr size_t kShownBytes = 80;

/// Whether the message is read to its end without such a text; else `found` may say which it is.
bool Walk(std::string_view message, const Descriptor& type, int depth, std::string& found) {
  if (depth > kMaxDepth) return false;
  FieldReader reader(message);
  while (!reader.AtEnd()) {
    const auto field = reader.Next();
    if (!field) return false;
    const FieldDescriptor* known = type.FindFieldByNumber(static_cast<int>(field->number));
    if (known == nullptr || !field->content) continue;
    if (known->type() == FieldDescriptor::TYPE_MESSAGE &&
        !Walk(*field->content, *known->message_type(), depth + 1, found))
      return false;
    if (known->type() != FieldDescriptor::TYPE_STRING || !FirstInvalidUtf8(*field->content))
      continue;
    found = fmt::format("{}.{} is {}, not UTF-8", type.name(), known->name(),
                        Quoted(field->content->substr(0, kShownBytes)));
    return false;
  }
  return true;
}

}  // namespace

std::string FindBrokenText(std::string_view model) {
  std::string found;
  Walk(model, *proto::ModelProto::descriptor(), 0, found);
  return found;
}

}  // namespace descent::onnx
