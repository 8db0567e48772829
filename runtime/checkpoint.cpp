#include "runtime/checkpoint.h"

#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>

#include "runtime/json.h"
#include "runtime/partial_file.h"

namespace descent::runtime {
namespace {

constexpr std::string_view kFormat = "1";
constexpr std::string_view kFormatKey = "descent.format", kHashKey = "descent.model_hash",
                           kPredictionHashKey = "descent.prediction_hash",
                           kModelKey = "descent.model", kTargetKey = "descent.target",
                           kChecksumKey = "descent.checksum", kLabelKey = "descent.label",
                           kFeaturesKey = "descent.features", kClassesKey = "descent.classes",
                           kFingerprintKey = "descent.data_fingerprint";

/// A number of the record and its key in the metadata. Doubles are printed so that they read back
/// exactly.
template <typename Owner, typename T>
struct Field {
  std::string_view key;
  T Owner::* member;
};
constexpr Field<Progress, int64_t> kProgressIntegers[] = {
    {"descent.progress.epoch", &Progress::epoch},
    {"descent.progress.batch", &Progress::batch},
    {"descent.progress.step", &Progress::step},
    {"descent.progress.loss_rows", &Progress::loss_rows},
    {"descent.progress.best_epoch", &Progress::best_epoch},
    {"descent.progress.epochs_without_improvement", &Progress::epochs_without_improvement},
};
constexpr Field<Progress, double> kProgressNumbers[] = {
    {"descent.progress.loss_sum", &Progress::loss_sum},
    {"descent.progress.epoch_loss", &Progress::epoch_loss},
    {"descent.progress.previous_loss", &Progress::previous_loss},
    {"descent.progress.best_loss", &Progress::best_loss},
};
constexpr Field<Provenance, int64_t> kProvenanceIntegers[] = {{"descent.seed", &Provenance::seed}};
constexpr Field<Provenance, double> kProvenanceNumbers[] = {
    {"descent.validation_split", &Provenance::validation_split},
    {"descent.test_split", &Provenance::test_split},
};

template <typename Owner, typename T, size_t kCount>
void WriteFields(const Owner& owner, const Field<Owner, T> (&fields)[kCount], Metadata* metadata) {
  for (const auto& [key, member] : fields) {
    metadata->emplace(key, fmt::format("{}", owner.*member));
  }
}

template <typename Owner, typename T, size_t kCount>
Result<void> ReadFields(const Metadata& metadata, const std::string& path,
                        const Field<Owner, T> (&fields)[kCount], Owner* owner) {
  for (const auto& [key, member] : fields) {
    auto found = metadata.find(key);
    if (found == metadata.end()) return Fail(path, "checkpoint lacks {}", key);
    const std::string& text = found->second;
    auto parsed = std::from_chars(text.data(), text.data() + text.size(), owner->*member);
    if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) {
      return Fail(path, "checkpoint has {} = {}", key, Quoted(text));
    }
    if (std::is_integral_v<T> && key.starts_with("descent.progress") && owner->*member < 0) {
      return Fail(path, "checkpoint has {} = {}", key, Quoted(text));
    }
  }
  return {};
}

std::string_view ValueOf(const Metadata& metadata, std::string_view key) {
  auto found = metadata.find(key);
  return found == metadata.end() ? std::string_view() : std::string_view(found->second);
}

std::string ClassesText(const Provenance& provenance) {
  std::string text = "{";
  for (const auto& [column, names] : provenance.classes) {
    text += (text.size() > 1 ? ", " : "") + JsonString(column) + ": " + JsonStrings(names);
  }
  return text + "}";
}

Result<std::vector<std::string>> ReadStrings(const Json& value, const std::string& path) {
  std::vector<std::string> strings;
  if (!value.array()) return Fail(path, "checkpoint has a damaged list of names");
  for (const Json& element : *value.array()) {
    if (!element.string()) return Fail(path, "checkpoint has a damaged list of names");
    strings.push_back(*element.string());
  }
  return strings;
}

Result<void> ReadNames(const Metadata& metadata, const std::string& path, Provenance* provenance) {
  provenance->label = ValueOf(metadata, kLabelKey);
  auto features = ParseJson(ValueOf(metadata, kFeaturesKey), path);
  if (!features) return std::unexpected(features.error());
  auto names = ReadStrings(*features, path);
  if (!names) return std::unexpected(names.error());
  provenance->features = *std::move(names);
  auto classes = ParseJson(ValueOf(metadata, kClassesKey), path);
  if (!classes) return std::unexpected(classes.error());
  if (!classes->object()) return Fail(path, "checkpoint has damaged class names");
  for (const auto& [column, list] : *classes->object()) {
    auto strings = ReadStrings(list, path);
    if (!strings) return std::unexpected(strings.error());
    provenance->classes[column] = *std::move(strings);
  }
  std::string_view fingerprint = ValueOf(metadata, kFingerprintKey);
  auto parsed = std::from_chars(fingerprint.data(), fingerprint.data() + fingerprint.size(),
                                provenance->data_fingerprint, 16);
  if (parsed.ec != std::errc()) return Fail(path, "checkpoint lacks {}", kFingerprintKey);
  return {};
}

Result<void> ReadNormalizations(const Safetensors& file, const std::string& path,
                                Normalizations* normalizations) {
  for (const NamedTensor& tensor : file.tensors) {
    std::string_view name = tensor.name;
    if (!IsNormalization(name)) continue;
    name.remove_prefix(kNormalizationPrefix.size());
    size_t slash = name.rfind('/');
    std::string_view part = slash == std::string_view::npos ? "" : name.substr(slash + 1);
    if (tensor.dtype != DESCENT_F64 || (part != "shift" && part != "factor")) {
      return Fail(path, "checkpoint has a damaged normalization {}", Quoted(tensor.name));
    }
    Normalization& one = (*normalizations)[std::string(name.substr(0, slash))];
    std::vector<double>& values = part == "shift" ? one.shift : one.factor;
    values.resize(tensor.bytes.size() / sizeof(double));
    std::memcpy(values.data(), tensor.bytes.data(), tensor.bytes.size());
  }
  for (const auto& [input, one] : *normalizations) {
    if (one.shift.size() != one.factor.size()) {
      return Fail(path, "checkpoint has a damaged normalization of {}", Quoted(input));
    }
  }
  return {};
}

/// CRC-32 over metadata (without the checksum itself), then names and bytes of all tensors.
std::string Checksum(const Metadata& metadata, const std::vector<NamedTensor>& tensors) {
  uLong crc = 0;
  auto add = [&](ByteView bytes) {
    uint64_t size = bytes.size();
    crc = crc32_z(crc, reinterpret_cast<const Bytef*>(&size), sizeof(size));
    if (!bytes.empty()) crc = crc32_z(crc, reinterpret_cast<const Bytef*>(bytes.data()), size);
  };
  for (const auto& [key, value] : metadata) {
    if (key == kChecksumKey) continue;
    add(BytesOf(key));
    add(BytesOf(value));
  }
  std::map<std::string_view, ByteView> by_name;
  for (const NamedTensor& tensor : tensors) by_name[tensor.name] = tensor.bytes;
  for (const auto& [name, bytes] : by_name) {
    add(BytesOf(name));
    add(bytes);
  }
  return fmt::format("{:08x}", crc);
}

Result<TrainingRecord> ReadRecord(const Safetensors& file, const std::string& path) {
  TrainingRecord record;
  auto& [progress, provenance] = record;
  for (auto read : {ReadFields(file.metadata, path, kProgressIntegers, &progress),
                    ReadFields(file.metadata, path, kProgressNumbers, &progress),
                    ReadFields(file.metadata, path, kProvenanceIntegers, &provenance),
                    ReadFields(file.metadata, path, kProvenanceNumbers, &provenance),
                    ReadNames(file.metadata, path, &provenance),
                    ReadNormalizations(file, path, &provenance.normalizations)}) {
    if (!read) return std::unexpected(read.error());
  }
  return record;
}

Result<void> CheckOwner(const Weights& weights, const Program& program) {
  const Metadata& metadata = weights.file.metadata;
  std::string_view hash = ValueOf(metadata, kHashKey);
  if (hash == program.abi().model_hash) return {};
  return WithHint(
      Fail(weights.path,
           "is a checkpoint of another model: {} with hash {:.12}..., not {} with {:.12}...",
           Quoted(ModelOf(weights)), hash, Quoted(program.name()), program.abi().model_hash),
      "a changed model or hyperparameter makes another model");
}

Result<Weights> ParseFile(const std::string& path, const Program& program, Accept accept,
                          bool* damaged) try {
  auto bytes = ReadFile(path);
  *damaged = true;
  if (!bytes) return std::unexpected(bytes.error());
  auto weights = ParseWeights(*std::move(bytes), path, program);
  if (!weights) return weights;
  if (!weights->record) {
    if (accept == Accept::kAnyWeights) return weights;
    return Fail(path, "holds parameters only; it is not a checkpoint that train wrote");
  }
  *damaged = false;
  if (auto owner = CheckOwner(*weights, program); !owner) return std::unexpected(owner.error());
  return weights;
} catch (const std::bad_alloc&) {
  return Fail(path, "takes more memory than there is");
}

}  // namespace

bool Provenance::operator==(const Provenance& other) const {
  auto same_normalization = [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.shift == b.second.shift &&
           a.second.factor == b.second.factor;
  };
  return seed == other.seed && validation_split == other.validation_split &&
         test_split == other.test_split && data_fingerprint == other.data_fingerprint &&
         label == other.label && features == other.features && classes == other.classes &&
         std::ranges::equal(normalizations, other.normalizations, same_normalization);
}

Bytes MakeCheckpoint(const Program& program, const State& state, const TrainingRecord& record) {
  const auto& [progress, provenance] = record;
  Metadata metadata = {
      {std::string(kFormatKey), std::string(kFormat)},
      {std::string(kModelKey), std::string(program.name())},
      {std::string(kHashKey), program.abi().model_hash},
      {std::string(kPredictionHashKey), program.abi().prediction_hash},
      {std::string(kTargetKey), program.abi().target},
      {std::string(kLabelKey), provenance.label},
      {std::string(kFeaturesKey), JsonStrings(provenance.features)},
      {std::string(kClassesKey), ClassesText(provenance)},
      {std::string(kFingerprintKey), fmt::format("{:016x}", provenance.data_fingerprint)}};
  WriteFields(progress, kProgressIntegers, &metadata);
  WriteFields(progress, kProgressNumbers, &metadata);
  WriteFields(provenance, kProvenanceIntegers, &metadata);
  WriteFields(provenance, kProvenanceNumbers, &metadata);
  std::vector<NamedTensor> tensors;
  std::vector<Bytes> copies;
  for (const descent_slot& slot : program.slots()) {
    const descent_tensor& tensor = slot.tensor;
    tensors.push_back({tensor.name,
                       tensor.dtype,
                       {tensor.dims, tensor.dims + tensor.rank},
                       state.RowMajor(slot, copies)});
  }
  for (const auto& [input, one] : provenance.normalizations) {
    for (auto [part, values] : {std::pair("shift", &one.shift), std::pair("factor", &one.factor)}) {
      tensors.push_back({fmt::format("{}{}/{}", kNormalizationPrefix, input, part),
                         DESCENT_F64,
                         {static_cast<int64_t>(values->size())},
                         std::as_bytes(std::span(*values))});
    }
  }
  metadata[std::string(kChecksumKey)] = Checksum(metadata, tensors);
  return WriteSafetensors(metadata, std::move(tensors));
}

std::string_view ModelOf(const Weights& checkpoint) {
  return ValueOf(checkpoint.file.metadata, kModelKey);
}

std::string_view PredictionHashOf(const Weights& checkpoint) {
  return ValueOf(checkpoint.file.metadata, kPredictionHashKey);
}

bool IsNormalization(std::string_view tensor_name) {
  return tensor_name.starts_with(kNormalizationPrefix);
}

Result<Weights> ParseWeights(Bytes bytes, const std::string& path) {
  auto file = ParseSafetensors(bytes, path);
  if (!file) return std::unexpected(file.error());
  Weights weights(std::move(bytes), *std::move(file), path);
  const Metadata& metadata = weights.file.metadata;
  if (!metadata.contains(kFormatKey)) return weights;
  if (std::string_view format = ValueOf(metadata, kFormatKey); format != kFormat) {
    return FailWith(ExitStatus::kUnsupported, path, "checkpoint has format {}; {} is known",
                    Quoted(format), kFormat);
  }
  if (Checksum(metadata, weights.file.tensors) != ValueOf(metadata, kChecksumKey)) {
    return Fail(path, "its checksum is wrong: the file is damaged");
  }
  auto record = ReadRecord(weights.file, path);
  if (!record) return std::unexpected(record.error());
  weights.record = *std::move(record);
  return weights;
}

Result<Weights> ParseWeights(Bytes bytes, const std::string& path, const Program& program) {
  auto weights = ParseWeights(std::move(bytes), path);
  // Whole, but too short for its own model: as damaged as a truncated file.
  if (weights && weights->record &&
      ValueOf(weights->file.metadata, kHashKey) == program.abi().model_hash) {
    for (const descent_slot& slot : program.slots()) {
      if (!weights->file.Find(slot.tensor.name)) {
        return Fail(path, "lacks the tensor {}", Quoted(slot.tensor.name));
      }
    }
  }
  return weights;
}

Result<Weights> LoadCheckpoint(const std::string& path, const Program& program, Accept accept,
                               std::string* warning) {
  bool damaged = false;
  auto newest = ParseFile(path, program, accept, &damaged);
  if (newest || !damaged || !FileExists(path + ".1")) return newest;
  bool previous_damaged = false;
  auto previous = ParseFile(path + ".1", program, accept, &previous_damaged);
  if (!previous) return newest;
  *warning = fmt::format("{}; using {}.1", newest.error().ToString(), path);
  return previous;
}

Result<std::optional<Weights>> LoadBakedWeights(const Program& program) {
  if (!program.abi().weights || program.abi().weights_bytes <= 0) return std::nullopt;
  ByteView baked(reinterpret_cast<const std::byte*>(program.abi().weights),
                 static_cast<size_t>(program.abi().weights_bytes));
  auto weights = ParseWeights(Bytes(baked.begin(), baked.end()), "built-in weights", program);
  if (!weights) return std::unexpected(weights.error());
  return std::optional<Weights>(*std::move(weights));
}

Result<void> RestoreState(const Program& program, const Weights& weights, Restore what,
                          State& state) {
  for (const descent_slot& slot : program.slots()) {
    const descent_tensor& tensor = slot.tensor;
    const NamedTensor* stored = weights.file.Find(tensor.name);
    const bool is_weight =
        slot.kind == DESCENT_SLOT_PARAMETER || slot.kind == DESCENT_SLOT_STATISTIC;
    const bool needed = what == Restore::kEverything || is_weight;
    if (what == Restore::kFirstValues && !is_weight) continue;
    if (!stored) {
      if (!needed) continue;
      return Fail(weights.path, "lacks the tensor {}", Quoted(tensor.name));
    }
    std::vector<int64_t> shape(tensor.dims, tensor.dims + tensor.rank);
    if (stored->dtype != tensor.dtype || stored->shape != shape) {
      return Fail(weights.path, "tensor {} is {}[{}], but the model has {}{}", Quoted(tensor.name),
                  NameOf(stored->dtype), fmt::join(stored->shape, ", "), NameOf(tensor.dtype),
                  ShapeText(tensor));
    }
    state.Write(slot, stored->bytes);
  }
  return {};
}

Result<void> CheckpointStore::DropOlderRun() {
  for (const std::string& path : {previous_path(), best_path()}) {
    if (unlink(path.c_str()) != 0 && errno != ENOENT) return IoFailure(path, "cannot remove");
  }
  return {};
}

Result<void> CheckpointStore::Save(ByteView bytes) {
  if (fresh_) {
    if (auto dropped = DropOlderRun(); !dropped) return dropped;
    fresh_ = false;
  } else if (!newest_is_damaged_ && FileExists(path_)) {
    // A second name for FILE, so that FILE itself is there at every moment.
    std::string link_path = PartialPath(previous_path());
    unlink(link_path.c_str());
    bool linked = link(path_.c_str(), link_path.c_str()) == 0;
    const std::string& from = linked ? link_path : path_;
    if (rename(from.c_str(), previous_path().c_str()) != 0) {
      return IoFailure(previous_path(), "cannot replace");
    }
    // rename() does nothing when both names are already the same file.
    if (linked) unlink(link_path.c_str());
  }
  newest_is_damaged_ = false;
  return WriteFileAtomically(path_, bytes);
}

Result<void> CheckpointStore::SaveBest(ByteView bytes) {
  if (fresh_) {
    if (auto dropped = DropOlderRun(); !dropped) return dropped;
    // The older run's FILE has another history than this FILE.best: it goes, too.
    if (unlink(path_.c_str()) != 0 && errno != ENOENT) return IoFailure(path_, "cannot remove");
    fresh_ = false;
  }
  return WriteFileAtomically(best_path(), bytes);
}

}  // namespace descent::runtime
