#include "runtime/training_log.h"

#include <fcntl.h>

#include <charconv>
#include <cmath>
#include <iterator>

#include "runtime/json.h"

namespace descent::runtime {
namespace {

void SkipSpaces(std::string_view* text) {
  while (text->starts_with(' ')) text->remove_prefix(1);
}

/// "W1[0, 2]" into name and indices; the brackets are optional.
bool SplitElement(std::string_view text, std::string_view* name, std::vector<int64_t>* indices) {
  size_t open = text.find('[');
  *name = text.substr(0, open);
  if (open == std::string_view::npos) return true;
  if (!text.ends_with(']')) return false;
  std::string_view rest = text.substr(open + 1, text.size() - open - 2);
  while (!rest.empty()) {
    SkipSpaces(&rest);
    int64_t index = 0;
    auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), index);
    if (error != std::errc()) return false;
    indices->push_back(index);
    rest.remove_prefix(static_cast<size_t>(end - rest.data()));
    SkipSpaces(&rest);
    if (!rest.empty() && rest[0] != ',') return false;
    if (!rest.empty()) rest.remove_prefix(1);
  }
  return true;
}

/// "b, W1[0,2]" at the commas outside brackets.
std::vector<std::string> SplitNames(std::string_view text) {
  std::vector<std::string> names(1);
  int depth = 0;
  for (char c : text) {
    depth += (c == '[') - (c == ']');
    if (c == ',' && depth == 0) {
      names.emplace_back();
    } else if (c != ' ' || !names.back().empty()) {
      names.back() += c;
    }
  }
  for (std::string& name : names)
    while (name.ends_with(' ')) name.pop_back();
  return names;
}

Result<Tracked> FindOne(const Program& program, const std::string& text, std::string_view option) {
  auto bad = [&](std::string_view what) {
    return FailWith(ExitStatus::kUsage, "", "{} {}: {}", option, text, what);
  };
  std::string_view name;
  std::vector<int64_t> indices;
  if (!SplitElement(text, &name, &indices)) return bad("must be NAME or NAME[i,j]");
  const descent_slot* slot = program.FindSlot(name);
  if (!slot) {
    std::vector<std::string_view> names;
    for (const descent_slot& known : program.slots()) {
      if (known.kind == DESCENT_SLOT_PARAMETER) names.push_back(known.tensor.name);
    }
    return bad(fmt::format("there is no such parameter; there are {}", fmt::join(names, ", ")));
  }
  const descent_tensor& tensor = slot->tensor;
  if (indices.empty() && ElementCount(tensor) == 1) return Tracked{text, slot, 0};
  if (indices.size() != static_cast<size_t>(tensor.rank)) {
    return bad(fmt::format("it is {}; choose one element, as in {}[{}]", ShapeText(tensor), name,
                           fmt::join(std::vector<int>(static_cast<size_t>(tensor.rank), 0), ",")));
  }
  int64_t element = 0;
  for (int32_t axis = 0; axis < tensor.rank; ++axis) {
    if (indices[axis] < 0 || indices[axis] >= tensor.dims[axis]) {
      return bad(fmt::format("it is {}", ShapeText(tensor)));
    }
    element = element * tensor.dims[axis] + indices[axis];
  }
  return Tracked{text, slot, element};
}

/// How many bytes of `text` are whole lines up to `step`.
size_t LinesUpTo(std::string_view text, int64_t step, const std::string& path) {
  size_t kept = 0;
  for (;;) {
    size_t end = text.find('\n', kept);
    if (end == std::string_view::npos) return kept;
    auto line = ParseJson(text.substr(kept, end - kept), path);
    if (!line) return kept;
    const Json* at = line->Find("step");
    if (!at || !at->Integer() || *at->Integer() > step) return kept;
    kept = end + 1;
  }
}

Result<Descriptor> OpenToAppend(const std::string& path, int flags) {
  Descriptor file(open(path.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC | O_CREAT | flags, 0666));
  if (!file.valid()) return IoFailure(path, "cannot write the log");
  return file;
}

}  // namespace

Result<std::vector<Tracked>> FindTracked(const Program& program,
                                         const std::vector<std::string>& names,
                                         std::string_view option) {
  std::vector<Tracked> tracked;
  for (const std::string& list : names) {
    for (const std::string& name : SplitNames(list)) {
      auto one = FindOne(program, name, option);
      if (!one) return std::unexpected(one.error());
      tracked.push_back(*std::move(one));
    }
  }
  return tracked;
}

Result<TrainingLog> TrainingLog::Create(const std::string& path, std::vector<Tracked> tracked) {
  auto file = OpenToAppend(path, O_TRUNC);
  if (!file) return std::unexpected(file.error());
  return TrainingLog(path, *std::move(file), std::move(tracked));
}

Result<TrainingLog> TrainingLog::Resume(const std::string& path, int64_t step,
                                        std::vector<Tracked> tracked) {
  if (FileExists(path)) {
    auto bytes = ReadFile(path);
    if (!bytes) return std::unexpected(bytes.error());
    size_t kept = LinesUpTo(TextOf(*bytes), step, path);
    if (kept < bytes->size()) {
      auto written = WriteFileAtomically(path, ByteView(*bytes).first(kept));
      if (!written) return std::unexpected(written.error());
    }
  }
  auto file = OpenToAppend(path, 0);
  if (!file) return std::unexpected(file.error());
  return TrainingLog(path, *std::move(file), std::move(tracked));
}

void TrainingLog::Number(double value) {
  if (std::isfinite(value)) {
    fmt::format_to(std::back_inserter(line_), "{}", value);
  } else {
    fmt::format_to(std::back_inserter(line_), "null");
  }
}

Result<void> TrainingLog::Step(const Progress& progress, std::optional<double> loss,
                               const State& state) {
  line_.clear();
  fmt::format_to(std::back_inserter(line_), "{{\"event\":\"step\",\"step\":{},\"epoch\":{}",
                 progress.step, progress.epoch + 1);
  if (loss) {
    fmt::format_to(std::back_inserter(line_), ",\"loss\":");
    Number(*loss);
  }
  for (size_t i = 0; i < tracked_.size(); ++i) {
    const Tracked& one = tracked_[i];
    fmt::format_to(std::back_inserter(line_), "{}\"{}\":", i == 0 ? ",\"parameters\":{" : ",",
                   one.name);
    const descent_tensor& tensor = one.slot->tensor;
    double value = NumberAt(tensor.dtype, state.Element(*one.slot, one.element), 0);
    if (IsFloat(tensor.dtype) && tensor.dtype != DESCENT_F64 && std::isfinite(value)) {
      fmt::format_to(std::back_inserter(line_), "{}", static_cast<float>(value));
    } else {
      Number(value);
    }
  }
  fmt::format_to(std::back_inserter(line_), "{}}}\n", tracked_.empty() ? "" : "}");
  return Write();
}

Result<void> TrainingLog::Epoch(const Progress& progress, double learning_rate,
                                std::span<const Metric> validation) {
  line_.clear();
  fmt::format_to(std::back_inserter(line_),
                 "{{\"event\":\"epoch\",\"step\":{},\"epoch\":{},\"loss\":", progress.step,
                 progress.epoch);
  Number(progress.epoch_loss);
  fmt::format_to(std::back_inserter(line_), ",\"learning_rate\":");
  Number(learning_rate);
  bool first = true;
  for (const Metric& metric : validation) {
    if (metric.elements() != 1) continue;
    fmt::format_to(std::back_inserter(line_), "{}\"{}\":", first ? ",\"validation\":{" : ",",
                   metric.name());
    Number(metric.At(0));
    first = false;
  }
  fmt::format_to(std::back_inserter(line_), "{}}}\n", first ? "" : "}");
  return Write();
}

Result<void> TrainingLog::Write() {
  if (!WriteAll(file_.get(), BytesOf({line_.data(), line_.size()}))) {
    return IoFailure(path_, "cannot write the log");
  }
  return {};
}

}  // namespace descent::runtime
