// `descent ops`: what the tables of operators, optimizers and schedules say, as a list, as one
// page, or (operators) as docs/ops.md.

#include <algorithm>
#include <memory>

#include "compiler/graph/optimizers.h"
#include "compiler/graph/schedules.h"
#include "frontends/cli/commands.h"
#include "frontends/cli/files.h"
#include "frontends/cli/help.h"
#include "ir/op_docs.h"

namespace descent::cli {
namespace {

struct OpsArguments {
  std::string name;
  bool markdown = false;
  bool kinds = false;
};

std::string FirstSentence(std::string_view doc) {
  const std::string_view line = doc.substr(0, doc.find('\n'));
  const size_t stop = line.find(". ");
  return std::string(stop == std::string_view::npos ? line : line.substr(0, stop + 1));
}

/// What stands behind `train loss with` or `schedule`.
struct Rule {
  std::string_view name, kind, doc;
  std::span<const HyperparameterSpec> hyperparameters;
};

std::vector<Rule> Rules() {
  std::vector<Rule> rules;
  for (const Optimizer& o : Optimizers())
    rules.push_back({o.name, "optimizer", o.doc, o.hyperparameters});
  for (const Schedule& s : Schedules())
    rules.push_back({s.name, "schedule", s.doc, s.hyperparameters});
  return rules;
}

std::vector<std::string> AllNames() {
  std::vector<std::string> names;
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) names.emplace_back(op.name);
  for (const Rule& rule : Rules()) names.emplace_back(rule.name);
  return names;
}

std::string RulePage(const Rule& rule) {
  std::string text = fmt::format("{} ({})\n\n{}\n\n", rule.name, rule.kind, rule.doc);
  for (const HyperparameterSpec& spec : rule.hyperparameters) {
    const std::string value = spec.default_value ? fmt::format("{}", *spec.default_value) : "...";
    text += fmt::format("  {:<26} {}\n", fmt::format("{}={}", spec.name, value), spec.doc);
  }
  return text;
}

std::string List() {
  std::string text;
  const auto add = [&](std::string_view name, std::string_view family, std::string_view doc) {
    text += fmt::format("{:<26} {:<12} {}\n", name, family, FirstSentence(doc));
  };
  for (const OpFamily& family : OpFamilies())
    for (const OpDef& op : family.ops) add(op.name, family.name, op.doc);
  for (const Rule& rule : Rules()) add(rule.name, rule.kind, rule.doc);
  return text;
}

Result<ExitStatus> Ops(const OpsArguments& arguments) {
  if (arguments.name.empty()) {
    Print("{}", arguments.kinds      ? WrapLines(OpKinds())
                : arguments.markdown ? OpsReference()
                                     : List());
    return ExitStatus::kGood;
  }
  const OpDef* op = FindOp(arguments.name);
  const std::vector<Rule> rules = Rules();
  const auto rule = std::ranges::find(rules, arguments.name, &Rule::name);
  if (op != nullptr) Print("{}", arguments.markdown ? OpReference(*op) : WrapLines(OpPage(*op)));
  if (op != nullptr && rule != rules.end()) Print("\n");  // the name is both's
  if (rule != rules.end())
    Print("{}",
          arguments.markdown ? fmt::format("```text\n{}```\n", RulePage(*rule)) : RulePage(*rule));
  if (op != nullptr || rule != rules.end()) return ExitStatus::kGood;
  std::string hint = DidYouMean(arguments.name, AllNames());
  if (hint.empty()) hint = "`descent ops` lists them";
  return InputError(fmt::format("unknown operator {}", Quoted(arguments.name)), std::move(hint));
}

}  // namespace

Command OpsCommand() {
  auto arguments = std::make_shared<OpsArguments>();
  return {.name = "ops",
          .summary = "list operators, optimizers and schedules, or show one's documentation",
          .description =
              "Without NAME prints one line for each operator, optimizer and schedule: name, "
              "family and what it does. With NAME prints its documentation: equation, shapes, "
              "attributes or hyperparameters with defaults, gradient.",
          .arguments = {{.names = "NAME",
                         .value = "",
                         .doc = "an operator, optimizer or schedule",
                         .destination = &arguments->name,
                         .offers = AllNames()}},
          .groups = {{"Options",
                      {{.names = "--markdown",
                        .value = "",
                        .doc = "print Markdown; without NAME the whole of docs/ops.md",
                        .destination = &arguments->markdown},
                       {.names = "--kinds",
                        .value = "",
                        .doc = "without NAME: which operators are primitive, by kernel form",
                        .destination = &arguments->kinds}}}},
          .examples = {{"descent ops | grep pool", "which pooling operators are there?"},
                       {"descent ops matmul", "what does matmul take?"},
                       {"descent ops adam", "which hyperparameters has adam?"}},
          .run = [arguments] { return Ops(*arguments); }};
}

}  // namespace descent::cli
