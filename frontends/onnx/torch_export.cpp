#include "frontends/onnx/torch_export.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <vector>

namespace descent::onnx {
namespace {

using proto::GraphProto;
using proto::NodeProto;
using proto::TensorProto;

constexpr std::string_view kSignature = "pkg.torch.export.ExportedProgram.graph_signature";
constexpr std::string_view kCall = "pkg.torch.onnx.fx_node";
constexpr std::string_view kScopes = "pkg.torch.onnx.name_scopes";
/// Larger tensors are not merged by torch.export's exporter.
constexpr int64_t kMaxMergedElements = 1024;
/// Of all copies; what is beyond stays tied, so that no small file becomes a large model.
constexpr int64_t kMaxCopiedElements = int64_t{1} << 27;

std::string_view Metadata(const auto& owner, std::string_view key) {
  for (const auto& entry : owner.metadata_props())
    if (entry.key() == key) return entry.value();
  return {};
}

/// "weight" of "encoder.norm.weight"
std::string_view LastPart(std::string_view path) { return path.substr(path.rfind('.') + 1); }

/// Elements of a tensor whose shape is small; -1 of others.
int64_t Elements(const TensorProto& tensor) {
  int64_t elements = 1;
  for (const int64_t extent : tensor.dims()) {
    if (extent < 0 || extent > kMaxCopiedElements) return -1;
    elements *= extent;
    if (elements > kMaxCopiedElements) return -1;
  }
  return elements;
}

/// Names that a call in torch's notation reads: "%layer_norm : ... (args = (%x, %p_weight), ...)".
std::vector<std::string_view> NamesRead(std::string_view call) {
  std::vector<std::string_view> names;
  for (size_t at = call.find('%', 1); at != std::string_view::npos; at = call.find('%', at + 1)) {
    const size_t end = call.find_first_of(", )]}", at);
    names.push_back(call.substr(at + 1, end == std::string_view::npos ? end : end - at - 1));
  }
  return names;
}

class Separator {
 public:
  explicit Separator(proto::ModelProto& model) : graph_(*model.mutable_graph()), signature_(model) {
    for (int i = 0; i < graph_.initializer_size(); ++i)
      if (MayBeWeight(graph_.initializer(i))) places_.emplace(graph_.initializer(i).name(), i);
  }

  void Run() {
    SeparateIdentities();
    if (signature_.known()) SeparateByCalls();
  }

 private:
  bool MayBeWeight(const TensorProto& tensor) const {
    if (tensor.data_type() != TensorProto::FLOAT) return false;
    return tensor.dims_size() > 0 || !signature_.known() || signature_.IsParameter(tensor.name());
  }

  /// Adds initializer `name` like the one at `place`, unless that is too much.
  bool AddCopy(int place, const std::string& name) {
    const int64_t elements = Elements(graph_.initializer(place));
    if (elements < 0 || elements > kMaxCopiedElements - copied_) return false;
    copied_ += elements;
    TensorProto copy = graph_.initializer(place);
    copy.set_name(name);
    places_.emplace(name, graph_.initializer_size());
    *graph_.add_initializer() = std::move(copy);
    return true;
  }

  void SeparateIdentities() {
    std::set<std::string_view> outputs;
    for (const auto& output : graph_.output()) outputs.insert(output.name());
    std::vector<int> kept;
    for (int i = 0; i < graph_.node_size(); ++i) {
      const NodeProto& node = graph_.node(i);
      const bool is_identity = node.op_type() == "Identity" && node.domain().empty() &&
                               node.input_size() == 1 && node.output_size() == 1;
      const auto place = is_identity ? places_.find(node.input(0)) : places_.end();
      if (place == places_.end() || outputs.contains(node.output(0)) ||
          places_.contains(node.output(0)) || !AddCopy(place->second, node.output(0)))
        kept.push_back(i);
    }
    for (size_t i = 0; i < kept.size(); ++i)
      graph_.mutable_node()->SwapElements(static_cast<int>(i), kept[i]);
    const int gone = graph_.node_size() - static_cast<int>(kept.size());
    graph_.mutable_node()->DeleteSubrange(static_cast<int>(kept.size()), gone);
  }

  /// Parameters that the call read of which the node is a part.
  std::vector<std::string> ParametersOf(const NodeProto& node) const {
    std::vector<std::string> parameters;
    for (const std::string_view name : NamesRead(Metadata(node, kCall)))
      if (std::string target = signature_.Target(name); signature_.IsParameter(target))
        parameters.push_back(std::move(target));
    return parameters;
  }

  /// The parameter that the node means by initializer `name`; `name` itself where that is unknown.
  std::string Meant(const NodeProto& node, const std::string& name) {
    const std::vector<std::string> parameters = ParametersOf(node);
    if (parameters.empty()) {
      if (std::string computed = ComputedOtherwise(node, name); !computed.empty()) return computed;
      return IsNumberBeside(node, name) ? Scoped(node, name) : name;
    }
    if (!signature_.IsParameter(name)) return MeantByFolded(node, name, parameters);
    std::vector<std::string> other;
    for (const std::string& parameter : parameters) {
      if (parameter == name) return name;
      if (std::ranges::find(node.input(), parameter) == node.input().end())
        other.push_back(parameter);
    }
    if (other.size() > 1)
      std::erase_if(other, [&](const auto& each) { return LastPart(each) != LastPart(name); });
    return other.size() == 1 ? other[0] : name;
  }

  /// What was computed of parameters has no name in the module: it is that of its first reader, and
  /// those who read it for other parameters get one that tells where they stand.
  std::string MeantByFolded(const NodeProto& node, const std::string& name,
                            const std::vector<std::string>& parameters) {
    const auto [first, is_first] = first_readers_.emplace(name, parameters);
    return is_first || first->second == parameters ? name : Scoped(node, name);
  }

  /// What was computed of a parameter (1 + weight) and merged with what was computed of an equal
  /// one: the node's call reads a value that is nowhere in the file, and not `name`.
  std::string ComputedOtherwise(const NodeProto& node, const std::string& name) const {
    std::string gone;
    for (const std::string_view read : NamesRead(Metadata(node, kCall))) {
      if (read == name) return "";
      const std::string each(read);
      if (defined_.contains(each) || places_.contains(each)) continue;
      if (!gone.empty() || !signature_.Target(each).empty()) return "";
      gone = each;
    }
    return gone;
  }

  /// Does the node mean a number of a formula (the ones of a normalization without weights) that is
  /// merged with parameter `name`, since that has the same elements: its call names no parameter,
  /// that of another reader names this one.
  bool IsNumberBeside(const NodeProto& node, const std::string& name) const {
    if (Metadata(node, kCall).empty() || !signature_.IsParameter(name) || !IsUniform(name))
      return false;
    return named_.contains(name);
  }

  /// A scalar, or a vector of equal elements.
  bool IsUniform(const std::string& name) const {
    const TensorProto& tensor = graph_.initializer(places_.find(name)->second);
    if (tensor.dims_size() > 1) return false;
    if (tensor.dims_size() == 0) return true;
    const auto differ = [](const auto& a, const auto& b) { return a != b; };
    constexpr size_t kWidth = sizeof(float);
    const std::string_view raw = tensor.raw_data();
    if (!raw.empty())
      return raw.size() % kWidth == 0 && raw.substr(kWidth) == raw.substr(0, raw.size() - kWidth);
    return tensor.float_data_size() > 0 &&
           std::ranges::adjacent_find(tensor.float_data(), differ) == tensor.float_data().end();
  }

  /// A name that tells where the node stands: "features.5.val_1".
  static std::string Scoped(const NodeProto& node, const std::string& name) {
    // "['', 'features', 'features.5', 'group_norm_1']"
    std::string_view scopes = Metadata(node, kScopes);
    scopes = scopes.substr(0, scopes.rfind(", '"));
    scopes = scopes.substr(0, scopes.rfind('\''));
    const std::string_view module = scopes.substr(scopes.rfind('\'') + 1);
    return module.empty() ? name : fmt::format("{}.{}", module, name);
  }

  void SeparateByCalls() {
    std::map<std::string_view, int> readers;
    for (const NodeProto& node : graph_.node()) {
      for (const std::string& name : node.input()) ++readers[name];
      for (std::string& parameter : ParametersOf(node))
        if (std::ranges::find(node.input(), parameter) != node.input().end())
          named_.insert(std::move(parameter));
    }
    for (const auto& input : graph_.input()) defined_.insert(input.name());
    for (const NodeProto& node : graph_.node())
      defined_.insert(node.output().begin(), node.output().end());
    for (NodeProto& node : *graph_.mutable_node())
      for (std::string& name : *node.mutable_input()) {
        const auto place = places_.find(name);
        if (place == places_.end() || readers[name] < 2) continue;
        const TensorProto& tensor = graph_.initializer(place->second);
        if (Elements(tensor) < 0 || Elements(tensor) > kMaxMergedElements) continue;
        const std::string meant = Meant(node, name);
        if (meant == name || defined_.contains(meant)) continue;
        const bool is_there = places_.contains(meant);
        if (is_there ? copies_.contains(meant) : AddCopy(place->second, meant)) {
          copies_.insert(meant);
          separated_.push_back({&name, meant});
        }
      }
    for (const auto& [operand, meant] : separated_) *operand = meant;
  }

  GraphProto& graph_;
  const TorchSignature signature_;
  std::map<std::string, int, std::less<>> places_;  ///< of initializers that may be weights
  std::map<std::string, std::vector<std::string>> first_readers_;
  std::set<std::string> defined_;  ///< inputs and results of nodes
  std::set<std::string> named_;    ///< parameters that a call names which reads them
  std::set<std::string> copies_;
  std::vector<std::pair<std::string*, std::string>> separated_;
  int64_t copied_ = 0;
};

}  // namespace

TorchSignature::TorchSignature(const proto::ModelProto& model) {
  // "p_fc_weight: PARAMETER target='fc.weight'", a line each
  std::string_view text = Metadata(model.graph(), kSignature);
  constexpr std::string_view kTarget = " target='";
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    const size_t colon = line.find(": "), target = line.find(kTarget);
    const size_t end =
        line.find('\'', target == std::string_view::npos ? target : target + kTarget.size());
    if (colon == std::string_view::npos || end == std::string_view::npos || colon > target)
      continue;
    const size_t begin = target + kTarget.size();
    const std::string name(line.substr(begin, end - begin));
    targets_.emplace(line.substr(0, colon), name);
    is_parameter_.emplace(name, line.substr(colon + 2).starts_with("PARAMETER"));
  }
  if (!known()) return;
  std::set<std::string_view> initializers, read;
  for (const TensorProto& tensor : model.graph().initializer()) initializers.insert(tensor.name());
  for (const NodeProto& node : model.graph().node()) {
    const auto names = NamesRead(Metadata(node, kCall));
    read.insert(names.begin(), names.end());
    const bool has_parameter = std::ranges::any_of(
        names, [&](std::string_view name) { return IsParameter(Target(name)); });
    if (has_parameter) beside_parameters_.insert(node.input().begin(), node.input().end());
  }
  has_all_parameters_ = std::ranges::all_of(targets_, [&](const auto& each) {
    return !IsParameter(each.second) || initializers.contains(each.second);
  });
  const bool is_one_gone = std::ranges::any_of(targets_, [&](const auto& each) {
    const auto& [name, target] = each;
    return IsParameter(target) && !initializers.contains(target) && !read.contains(name);
  });
  if (is_one_gone) read_by_calls_.insert(read.begin(), read.end());
}

bool TorchSignature::IsComputedOfParameters(std::string_view name) const {
  return read_by_calls_.contains(name);
}

std::string TorchSignature::Target(std::string_view name) const {
  const auto place = targets_.find(name);
  return place == targets_.end() ? std::string() : place->second;
}

bool TorchSignature::IsParameter(std::string_view target) const {
  const auto place = is_parameter_.find(target);
  return place != is_parameter_.end() && place->second;
}

bool TorchSignature::IsBuffer(std::string_view target) const {
  const auto place = is_parameter_.find(target);
  return place != is_parameter_.end() && !place->second;
}

bool TorchSignature::IsFoldedNumber(std::string_view name, const Tensor& tensor) const {
  const std::span<const std::byte> bytes = tensor.bytes();
  const auto width = static_cast<size_t>(Info(tensor.dtype()).bytes);
  return known() && !is_parameter_.contains(name) && !IsComputedOfParameters(name) &&
         tensor.elements() > 0 &&
         (tensor.type().rank() <= 1 || tensor.elements() == 1 ||
          !beside_parameters_.contains(name)) &&
         std::ranges::equal(bytes.subspan(width), bytes.first(bytes.size() - width));
}

std::optional<int64_t> PaddingRow(const NodeProto& node) {
  // "%embedding : ... call_function[target=torch.ops.aten.embedding.default](args = (%w, %x, 0),
  // ..."
  constexpr std::string_view kEmbedding = "aten.embedding.default](args = (";
  std::string_view call = Metadata(node, kCall);
  const size_t begin = call.find(kEmbedding);
  if (begin == std::string_view::npos) return std::nullopt;
  call = call.substr(begin + kEmbedding.size());
  call = call.substr(0, call.find(')'));
  for (int i = 0; i < 2; ++i) {
    const size_t comma = call.find(", ");
    if (comma == std::string_view::npos) return std::nullopt;
    call.remove_prefix(comma + 2);
  }
  int64_t row = -1;
  const auto end = std::from_chars(call.data(), call.data() + call.size(), row).ptr;
  const bool is_number = end != call.data() && (end == call.data() + call.size() || *end == ',');
  return is_number && row >= 0 ? std::optional(row) : std::nullopt;
}

void SeparateMergedParameters(proto::ModelProto& model) {
  if (model.producer_name() == kTorchProducer) Separator(model).Run();
}

}  // namespace descent::onnx
