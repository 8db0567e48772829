#include "frontends/onnx/graph_importer.h"

#include <algorithm>
#include <array>

#include "frontends/onnx/declared_type.h"
#include "frontends/onnx/input_shapes.h"
#include "frontends/onnx/tensor_reader.h"
#include "ir/io/limits.h"

namespace descent::onnx {
namespace {

using proto::AttributeProto;
using proto::FunctionProto;
using proto::GraphProto;
using proto::NodeProto;

constexpr size_t kListedErrors = 20;
/// Hints of how memory may be shared, from before version 6; they mean nothing.
constexpr std::string_view kIgnoredAttribute = "consumed_inputs";

/// The producer of scikit-learn's files.
constexpr std::string_view kScikit = "skl2onnx";

std::string_view DomainOf(const NodeProto& node) { return PlainDomain(node.domain()); }

std::string NameOf(const NodeProto& node) {
  if (!node.name().empty()) return Quoted(node.name());
  return node.output_size() > 0 ? fmt::format("of {}", Quoted(node.output(0))) : "without a name";
}

std::string OperatorText(const NodeProto& node) {
  const std::string name = Escaped(node.op_type());
  return DomainOf(node).empty() ? name : fmt::format("{}::{}", Escaped(node.domain()), name);
}

/// Whether a body of the node gives a value that failed, in it or outside, and was reported there.
bool BodyFailed(const NodeProto& node, const std::set<std::string, std::less<>>& failed) {
  for (const AttributeProto& attribute : node.attribute())
    for (const auto& output : attribute.g().output())
      if (failed.contains(output.name())) return true;
  return false;
}

/// Binds what `name` stands for in one scope to a name of another.
void PassOn(Scope& from, const std::string& name, Scope& to, const std::string& as) {
  if (from.IsSequence(name)) {
    to.BindSequence(as, from.FindSequence(name));
  } else {
    to.Bind(as, from.Find(name));
  }
}

const AttributeProto* AttributeGivenTwice(const NodeProto& node) {
  std::set<std::string_view> names;
  for (const AttributeProto& attribute : node.attribute())
    if (!names.insert(attribute.name()).second) return &attribute;
  return nullptr;
}

/// Without those behind the last that is given.
int GivenOperands(const NodeProto& node) {
  int given = node.input_size();
  while (given > 0 && node.input(given - 1).empty()) --given;
  return given;
}

/// Attributes that refer to those of the call are replaced by these, in bodies, too.
void Substitute(const NodeProto& call, const FunctionProto& function, NodeProto& node);

void SubstituteGraph(const NodeProto& call, const FunctionProto& function, GraphProto& graph) {
  for (NodeProto& node : *graph.mutable_node()) Substitute(call, function, node);
}

void Substitute(const NodeProto& call, const FunctionProto& function, NodeProto& node) {
  auto& attributes = *node.mutable_attribute();
  for (int i = attributes.size() - 1; i >= 0; --i) {
    AttributeProto& attribute = attributes[i];
    if (attribute.has_g()) SubstituteGraph(call, function, *attribute.mutable_g());
    if (attribute.ref_attr_name().empty()) continue;
    const std::string name = attribute.name();
    const auto named = [&](const AttributeProto& given) {
      return given.name() == attribute.ref_attr_name();
    };
    const auto given = std::ranges::find_if(call.attribute(), named);
    const auto preset = std::ranges::find_if(function.attribute_proto(), named);
    if (given != call.attribute().end()) {
      attribute = *given;
    } else if (preset != function.attribute_proto().end()) {
      attribute = *preset;
    } else {
      attributes.DeleteSubrange(i, 1);
      continue;
    }
    attribute.set_name(name);
  }
}

}  // namespace

Diagnostic TooManyNodes() {
  return {.message = fmt::format(
              "more than {} nodes with those of functions and unrolled iterations", kMaxImported),
          .status = ExitStatus::kUnsupported};
}

GraphImporter::GraphImporter(ProtoFile& file, const ImportOptions& options)
    : model_(file.model),
      options_(options),
      storage_(file.storage),
      signature_(file.model),
      weights_(file.model, signature_),
      row_axes_(options.for_task ? RowAxes(model_.graph()) : decltype(row_axes_)()),
      first_input_(row_axes_.empty() ? "" : DataInputs(model_.graph())[0]->name()),
      current_(&opsets_) {
  if (auto opsets = ReadOpsets(model_)) {
    opsets_ = *std::move(opsets);
  } else {
    Report(std::move(opsets).error());
  }
  std::set<std::array<std::string_view, 3>> functions;
  for (const FunctionProto& function : model_.functions())
    if (!functions.insert({function.domain(), function.name(), function.overload()}).second)
      Report({.message = fmt::format("function {} is defined twice", Quoted(function.name()))});
  if (!model_.training_info().empty())
    Report({.message = "training_info, which says how the model is trained, is not supported",
            .hint = "without it the graph can be read",
            .status = ExitStatus::kUnsupported});
}

bool GraphImporter::CountsRows(const Scope& scope) const {
  return !row_axes_.empty() && scope.rows() && depth_ == 0 && scope.outside() == nullptr;
}

BatchAxis GraphImporter::RowsOf(Value value, std::string_view name, Scope& scope) {
  if (!row_flows_) row_flows_.emplace(scope.builder(), row_axes_);
  BatchAxis axis = row_flows_->Of(value);
  const auto declared = row_axes_.find(name);
  if (!axis.holds_rows() && declared != row_axes_.end()) axis = declared->second;
  const Shape& shape = scope.builder().type(value).shape;
  const bool fits = axis.holds_rows() && axis.axis < static_cast<int>(shape.size()) &&
                    shape[axis.axis] == *scope.rows() * axis.stride * axis.blocks;
  return fits ? axis : BatchAxis();
}

void GraphImporter::Report(Diagnostic diagnostic) { errors_.push_back(std::move(diagnostic)); }

void GraphImporter::ReportUndefined(const std::string& name, Diagnostic diagnostic) {
  failed_.insert(name);
  Report(std::move(diagnostic));
}

void GraphImporter::CheckDeclared(std::string_view what, const proto::ValueInfoProto& info,
                                  const TensorType& type, std::string hint) {
  // Of several labels skl2onnx declares one axis without a number, and gives two.
  const bool only_dtype = model_.producer_name() == kScikit && !HasNumbers(info);
  if (const auto contradiction = Contradiction(info, type, only_dtype))
    Report({.message = fmt::format("{} {} {}", what, Quoted(info.name()), *contradiction),
            .hint = std::move(hint)});
}

bool GraphImporter::ReportMissing(const std::string& name) {
  const auto place = missing_.find(name);
  if (place == missing_.end()) return false;
  if (!failed_.contains(name)) ReportUndefined(name, place->second);
  return true;
}

Diagnostic GraphImporter::About(const NodeProto& node, int version, Diagnostic diagnostic) {
  diagnostic.message = fmt::format("node {} ({}, version {}): {}", NameOf(node), OperatorText(node),
                                   version, diagnostic.message);
  return diagnostic;
}

void GraphImporter::ReportNode(const NodeProto& node, int version, Diagnostic diagnostic) {
  Report(About(node, version, std::move(diagnostic)));
}

Result<void> GraphImporter::Finish() const {
  if (errors_.empty()) return {};
  if (errors_.size() == 1) return std::unexpected(errors_.front());
  std::string text = fmt::format("{} errors", errors_.size());
  for (const Diagnostic& error : std::span(errors_).first(std::min(errors_.size(), kListedErrors)))
    text += "\n  " + error.message + (error.hint.empty() ? "" : "; " + error.hint);
  if (errors_.size() > kListedErrors)
    text += fmt::format("\n  and {} more", errors_.size() - kListedErrors);
  // A model that is wrong is wrong, whatever else is not supported.
  const bool all_unsupported = std::ranges::all_of(
      errors_, [](const Diagnostic& error) { return error.status == ExitStatus::kUnsupported; });
  return std::unexpected(
      Diagnostic{.message = std::move(text),
                 .status = all_unsupported ? ExitStatus::kUnsupported : ExitStatus::kInvalid});
}

Result<TensorType> GraphImporter::TypeOf(const proto::ValueInfoProto& info) const {
  const std::string name = Quoted(info.name());
  if (!info.type().has_tensor_type())
    return ErrorWithStatus(ExitStatus::kUnsupported, "{} is not a tensor", name);
  const auto& tensor = info.type().tensor_type();
  DESCENT_TRY(dtype, ReadDType(tensor.elem_type()));
  if (!tensor.has_shape())
    return ErrorWithStatus(ExitStatus::kUnsupported, "{} has no shape; shapes must be static",
                           name);
  TensorType type{dtype, {}};
  for (const auto& dim : tensor.shape().dim()) {
    int64_t extent = dim.dim_value();
    if (dim.value_case() != proto::TensorShapeProto::Dimension::kDimValue) {
      // skl2onnx leaves the name away, too.
      const std::string axis = AxisName(info, type.rank());
      const auto bound = options_.dims.find(axis);
      if (bound == options_.dims.end())
        return std::unexpected(Diagnostic{
            .message = dim.dim_param().empty()
                           ? fmt::format("axis {} of {} has no number", type.rank(), name)
                           : fmt::format("axis {} of {} has no number but the name {}", type.rank(),
                                         name, Quoted(axis)),
            .hint = fmt::format("give it one: --dim {}=N", axis)});
      extent = bound->second;
    }
    type.shape.push_back(extent);
  }
  if (type.rank() > kMaxRank || !CheckedElements(type.shape))
    return Error("{} has shape {}", name, ToString(type.shape));
  return type;
}

bool GraphImporter::IsParameter(std::string_view name, const Tensor& tensor) const {
  const bool is_wanted = options_.all_parameters || options_.parameters.contains(name);
  return is_wanted ? Info(tensor.dtype()).is_float : weights_.Has(name, tensor);
}

void GraphImporter::ImportInitializers(const GraphProto& graph, Scope& scope) {
  for (const proto::SparseTensorProto& sparse : graph.sparse_initializer()) {
    const std::string& name = sparse.values().name();
    ReportUndefined(name, {.message = fmt::format(
                               "initializer {} is sparse, which is not supported", Quoted(name)),
                           .status = ExitStatus::kUnsupported});
  }
  for (const proto::TensorProto& tensor : graph.initializer()) {
    if (scope.Defines(tensor.name())) {
      Report({.message = fmt::format("{} is defined twice", Quoted(tensor.name()))});
    } else if (auto value = ReadTensor(tensor, storage_)) {
      const auto kind =
          IsParameter(tensor.name(), *value) ? Scope::Kind::kWeight : Scope::Kind::kConstant;
      scope.BindInitializer(tensor.name(), *std::move(value), kind);
    } else {
      ReportUndefined(tensor.name(), std::move(value).error());
    }
  }
}

void GraphImporter::ImportNodes(const GraphProto& graph, Scope& scope) {
  for (const NodeProto& node : graph.node()) ImportNode(node, scope);
}

void GraphImporter::ImportBody(const GraphProto& graph, Scope& scope) {
  ++imported_;  // iterations of an empty body end, too
  ImportInitializers(graph, scope);
  ImportNodes(graph, scope);
}

bool GraphImporter::OperandsAreKnown(const NodeProto& node, const Scope& scope) {
  bool known = true;
  for (const std::string& name : node.input()) {
    if (name.empty() || scope.Knows(name)) continue;
    known = false;
    if (!failed_.contains(name) && !ReportMissing(name))
      Report({.message = fmt::format("node {} ({}) reads {}, which nothing before it defines",
                                     NameOf(node), OperatorText(node), Quoted(name))});
  }
  return known;
}

const FunctionProto* GraphImporter::FindFunction(const NodeProto& node) const {
  const auto function = std::ranges::find_if(model_.functions(), [&](const FunctionProto& each) {
    return each.name() == node.op_type() && each.domain() == node.domain() &&
           each.overload() == node.overload();
  });
  return function == model_.functions().end() ? nullptr : &*function;
}

void GraphImporter::SkipNode(const NodeProto& node, int version) {
  if (errors_.empty()) ReportNode(node, version, TooManyNodes());
  failed_.insert(node.output().begin(), node.output().end());
}

void GraphImporter::ImportNode(const NodeProto& node, Scope& scope) {
  const auto opset = current_->find(DomainOf(node));
  const int version = opset == current_->end() ? 1 : opset->second;
  if (IsFull()) return SkipNode(node, version);
  const int64_t before = ++imported_, held = scope.builder().node_count();
  const size_t errors = errors_.size();
  const bool known = OperandsAreKnown(node, scope);
  if (const FunctionProto* function = FindFunction(node)) {
    if (known && Fits(*function, node)) CallFunction(*function, node, scope);
  } else if (opset == current_->end()) {
    ReportNode(node, version, {.message = "the operator set of its domain is not imported"});
  } else if (const OpImporter* importer = FindImporter(DomainOf(node), node.op_type(), version);
             importer == nullptr) {
    ReportNode(node, version,
               {.message = KnowsOperator(DomainOf(node), node.op_type())
                               ? "this version of the operator is not supported"
                               : "the operator is not supported",
                .status = ExitStatus::kUnsupported});
  } else if (known) {
    ImportOperator(node, *importer, version, scope);
  }
  // Nodes of bodies have counted themselves; without bodies of their own these are among the new.
  imported_ = std::max(imported_, before + scope.builder().node_count() - held);
  if (errors_.size() == errors && known && !BodyFailed(node, failed_)) return;
  for (const std::string& name : node.output())
    if (!scope.Defines(name)) failed_.insert(name);
}

bool GraphImporter::IsWellFormed(const NodeProto& node, const OpImporter& importer, int version) {
  const auto refuse = [&](std::string message, ExitStatus status = ExitStatus::kInvalid) {
    ReportNode(node, version, {.message = std::move(message), .status = status});
    return false;
  };
  for (const AttributeProto& attribute : node.attribute())
    if (attribute.name() != kIgnoredAttribute &&
        std::ranges::find(importer.attributes, attribute.name()) == importer.attributes.end())
      return refuse(fmt::format("attribute {} is not supported", Quoted(attribute.name())),
                    ExitStatus::kUnsupported);
  if (const AttributeProto* twice = AttributeGivenTwice(node))
    return refuse(fmt::format("attribute {} is given twice", Quoted(twice->name())));
  if (const int given = GivenOperands(node); given > importer.operands)
    return refuse(fmt::format("it takes at most {}, but {} are given",
                              Counted(importer.operands, "operand"), given));
  return true;
}

void GraphImporter::ImportOperator(const NodeProto& node, const OpImporter& importer, int version,
                                   Scope& scope) {
  if (!IsWellFormed(node, importer, version)) return;
  const size_t errors = errors_.size();
  OnnxNode context(*this, scope, node, importer, version);
  Outputs outputs = importer.import(context);
  if (BodyFailed(node, failed_)) return;
  if (context.failed()) return ReportNode(node, version, context.error());
  // A node of a body failed and was reported.
  if (errors_.size() != errors) return;
  for (int i = 0; i < node.output_size(); ++i) {
    const std::string& name = node.output(i);
    if (name.empty()) continue;
    if (const auto why = outputs.missing.find(i); why != outputs.missing.end()) {
      missing_.insert_or_assign(
          name, About(node, version, {.message = why->second, .status = ExitStatus::kUnsupported}));
      continue;
    }
    const bool is_sequence = outputs.sequences.contains(i);
    if (!is_sequence &&
        (i >= static_cast<int>(outputs.values.size()) || !outputs.values[i].valid()))
      return ReportNode(node, version,
                        {.message = fmt::format("result {} is not supported", i),
                         .status = ExitStatus::kUnsupported});
    if (scope.Defines(name))
      return ReportNode(node, version,
                        {.message = fmt::format("{} is defined twice", Quoted(name))});
    if (is_sequence) {
      scope.BindSequence(name, std::move(outputs.sequences.at(i)));
      continue;
    }
    scope.Bind(name, outputs.values[i]);
    scope.builder().SetName(outputs.values[i], name);
  }
}

bool GraphImporter::Fits(const FunctionProto& function, const NodeProto& node) {
  const auto refuse = [&](std::string message) {
    ReportNode(node, 1, {.message = std::move(message)});
    return false;
  };
  if (const AttributeProto* twice = AttributeGivenTwice(node))
    return refuse(fmt::format("attribute {} is given twice", Quoted(twice->name())));
  for (const AttributeProto& attribute : node.attribute())
    if (std::ranges::find(function.attribute(), attribute.name()) == function.attribute().end() &&
        std::ranges::find(function.attribute_proto(), attribute.name(), &AttributeProto::name) ==
            function.attribute_proto().end())
      return refuse(fmt::format("the function has no attribute {}", Quoted(attribute.name())));
  if (const int given = GivenOperands(node); given > function.input_size())
    return refuse(fmt::format("the function takes {}, but {} are given",
                              Counted(function.input_size(), "operand"), given));
  if (node.output_size() > function.output_size())
    return refuse(fmt::format("the function gives {}, but {} are named",
                              Counted(function.output_size(), "result"), node.output_size()));
  return true;
}

void GraphImporter::CallFunction(const FunctionProto& function, const NodeProto& node,
                                 Scope& scope) {
  if (depth_ >= kMaxBodyDepth)
    return ReportNode(
        node, 1,
        {.message = fmt::format("functions call each other more than {} deep", kMaxBodyDepth),
         .status = ExitStatus::kUnsupported});
  Scope inside(scope, Scope::Function{});
  for (int i = 0; i < std::min(node.input_size(), function.input_size()); ++i) {
    if (!node.input(i).empty()) PassOn(scope, node.input(i), inside, function.input(i));
  }
  const auto opsets = ReadOpsets(function.opset_import());
  if (!opsets) return ReportNode(node, 1, opsets.error());
  const Opsets* outer = std::exchange(current_, &*opsets);
  const size_t errors = errors_.size();
  ++depth_;
  for (const NodeProto& each : function.node()) {
    NodeProto body = each;
    // An operand that the call leaves out is left out inside, too.
    for (std::string& name : *body.mutable_input())
      if (std::ranges::find(function.input(), name) != function.input().end() &&
          !inside.Defines(name))
        name.clear();
    Substitute(node, function, body);
    ImportNode(body, inside);
  }
  --depth_;
  current_ = outer;
  if (errors_.size() != errors) return;
  if (IsFull()) return ReportNode(node, 1, TooManyNodes());
  for (int i = 0; i < std::min(node.output_size(), function.output_size()); ++i) {
    if (node.output(i).empty()) continue;
    if (!inside.Defines(function.output(i)))
      return ReportNode(node, 1,
                        {.message = fmt::format("the function does not define its result {}",
                                                Quoted(function.output(i)))});
    PassOn(inside, function.output(i), scope, node.output(i));
  }
}

}  // namespace descent::onnx
