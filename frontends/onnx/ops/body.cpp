#include "frontends/onnx/ops/body.h"

#include "frontends/onnx/graph_importer.h"

namespace descent::onnx {

using proto::GraphProto;

const GraphProto* BodyOf(OnnxNode& n, std::string_view attribute) {
  const proto::AttributeProto* given = n.Attribute(attribute);
  if (given != nullptr && given->has_g()) return &given->g();
  n.Fail("attribute {} is not a graph", attribute);
  return nullptr;
}

Bound BoundOperand(OnnxNode& n, int i) {
  return n.IsSequence(i) ? Bound(n.SequenceIn(i)) : Bound(n.In(i));
}

Outputs OutputsOf(const std::vector<Bound>& results) {
  Outputs outputs(std::vector<Value>{});
  for (const Bound& result : results) {
    if (result.sequence)
      outputs.sequences.emplace(static_cast<int>(outputs.values.size()), *result.sequence);
    if (!result.missing.empty())
      outputs.missing.emplace(static_cast<int>(outputs.values.size()), result.missing);
    outputs.values.push_back(result.value);
  }
  return outputs;
}

std::optional<std::vector<Bound>> RunInline(OnnxNode& n, const GraphProto& body,
                                            std::span<const Bound> inputs) {
  if (n.failed()) return std::nullopt;
  Scope scope(n.scope(), Scope::Inline{});
  for (int i = 0; i < std::min<int>(body.input_size(), static_cast<int>(inputs.size())); ++i) {
    const std::string& name = body.input(i).name();
    inputs[i].sequence ? scope.BindSequence(name, *inputs[i].sequence)
                       : scope.Bind(name, inputs[i].value);
  }
  const size_t errors = n.graph().error_count();
  n.graph().ImportBody(body, scope);
  if (n.graph().IsFull()) n.Fail(TooManyNodes());
  if (n.failed() || n.graph().error_count() != errors) return std::nullopt;
  std::vector<Bound> outputs;
  for (const auto& output : body.output()) {
    if (!scope.Knows(output.name())) {
      if (n.graph().ReportMissing(output.name())) return std::nullopt;
      n.Fail("its body does not define its output {}", Quoted(output.name()));
      return std::nullopt;
    }
    outputs.push_back(scope.IsSequence(output.name()) ? Bound(scope.FindSequence(output.name()))
                                                      : Bound(scope.Find(output.name())));
    if (const Value value = outputs.back().value; value.valid())
      n.graph().CheckDeclared("output of a body", output, n.type(value));
  }
  if (n.graph().error_count() != errors) return std::nullopt;
  return outputs;
}

Value BodyGraph::Input(int i, TensorType type) {
  const Value value = builder_.Input(body_.input(i).name(), std::move(type));
  scope_.Bind(body_.input(i).name(), value);
  return value;
}

void BodyGraph::Bind(int i, Value value) { scope_.Bind(body_.input(i).name(), value); }

bool BodyGraph::Import() {
  const size_t errors = n_.graph().error_count();
  n_.graph().ImportBody(body_, scope_);
  if (n_.graph().IsFull()) n_.Fail(TooManyNodes());
  return !n_.failed() && n_.graph().error_count() == errors;
}

Value BodyGraph::Output(int i) {
  const std::string& name = body_.output(i).name();
  if (scope_.Knows(name) && !scope_.IsSequence(name)) {
    const Value value = scope_.Find(name);
    const size_t errors = n_.graph().error_count();
    if (value.valid())
      n_.graph().CheckDeclared("output of a body", body_.output(i), builder_.type(value));
    return n_.graph().error_count() == errors ? value : Value{};
  }
  const bool known = scope_.Knows(name);
  if (!known && n_.graph().ReportMissing(name)) return {};
  n_.graph().Report(
      {.message = known ? fmt::format("output {} of a body is a sequence", Quoted(name))
                        : fmt::format("a body does not define its output {}", Quoted(name)),
       .status = known ? ExitStatus::kUnsupported : ExitStatus::kInvalid});
  return {};
}

void BodyGraph::Result(Value value) { builder_.Output(fmt::format("r{}", results_++), value); }

std::vector<Value> BodyGraph::captured() const {
  std::vector<Value> outside;
  for (const Scope::Captured& captured : scope_.captures()) outside.push_back(captured.outside);
  return outside;
}

std::shared_ptr<const Graph> BodyGraph::Build() {
  return std::make_shared<const Graph>(std::move(builder_).Build());
}

}  // namespace descent::onnx
