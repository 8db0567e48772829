// `descent ops`: what the registry of operators says, as a list, as one page, or as docs/ops.md.

#include <algorithm>
#include <memory>

#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "ir/op_docs.h"

namespace descent::cli {
namespace {

struct OpsArguments {
  std::string name;
  bool markdown = false;
};

std::string FirstSentence(std::string_view doc) {
  const std::string_view line = doc.substr(0, doc.find('\n'));
  const size_t stop = line.find(". ");
  return std::string(stop == std::string_view::npos ? line : line.substr(0, stop + 1));
}

std::string List() {
  std::string text;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops)
      text += fmt::format("{:<26} {:<12} {}\n", op.name, family.name, FirstSentence(op.doc));
  return text;
}

Result<ExitStatus> Ops(const OpsArguments& arguments) {
  if (arguments.name.empty()) {
    Print("{}", arguments.markdown ? OpsReference() : List());
    return ExitStatus::kGood;
  }
  const OpDef* op = FindOp(arguments.name);
  if (op == nullptr) {
    std::vector<std::string> names;
    for (const OpFamily& family : OpFamilies())
      for (const OpDef& known : family.ops) names.emplace_back(known.name);
    std::string hint = DidYouMean(arguments.name, names);
    if (hint.empty()) hint = "`descent ops` lists them";
    return InputError(fmt::format("unknown operator {}", Quoted(arguments.name)), std::move(hint));
  }
  Print("{}", arguments.markdown ? OpReference(*op) : OpPage(*op));
  return ExitStatus::kGood;
}

}  // namespace

Command OpsCommand() {
  auto arguments = std::make_shared<OpsArguments>();
  return {.name = "ops",
          .summary = "list the operators, or show one's documentation",
          .description =
              "Without NAME prints one line for each operator: name, family and what it "
              "does. With NAME prints its documentation: equation, shapes, attributes "
              "with defaults, gradient.",
          .arguments = {{.names = "NAME",
                         .value = "",
                         .doc = "an operator",
                         .destination = &arguments->name}},
          .groups = {{"Options",
                      {{.names = "--markdown",
                        .value = "",
                        .doc = "print Markdown; without NAME the whole of docs/ops.md",
                        .destination = &arguments->markdown}}}},
          .examples = {{"descent ops | grep pool", "which pooling operators are there?"},
                       {"descent ops matmul", "what does matmul take?"}},
          .run = [arguments] { return Ops(*arguments); }};
}

}  // namespace descent::cli
