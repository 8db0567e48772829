// Ready models: known architectures with parameters for their size, built of layers.
//
//   const ReadyModel* lenet = FindReadyModel("lenet");
//   Result<Model> model = BuildReadyModel(*lenet, {{"batch", 128}});   // the others at their
//   defaults
//
// They train on data as it comes: pixels of images are bytes, labels are class numbers.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ir/model.h"

namespace descent::nn {

inline constexpr int64_t kLargestSize = int64_t{1} << 20;

/// One number that a size of models is told by, the same for all that have it.
struct SizeInfo {
  std::string_view name;  ///< "width"
  std::string_view doc;
  int64_t minimum = 1;
  int64_t maximum = kLargestSize;
};
std::span<const SizeInfo> SizeInfos();

/// A size that a model has.
struct Size {
  std::string_view name;
  int64_t value = 0;  ///< by default
};

/// Complete sizes of one model.
class Sizes {
 public:
  explicit Sizes(std::span<const Size> defaults);
  int64_t operator[](std::string_view name) const;
  bool Has(std::string_view name) const { return values_.contains(name); }
  void Set(std::string_view name, int64_t value);

 private:
  std::map<std::string, int64_t, std::less<>> values_;
};

struct ReadyModel {
  std::string_view name;
  std::string_view doc;  ///< what it is, in a line
  std::vector<Size> sizes;
  /// Each size lies within its bounds.
  Result<Model> (*build)(const ReadyModel&, const Sizes&);
};

std::span<const ReadyModel> ReadyModels();
/// Null when there is none of that name.
const ReadyModel* FindReadyModel(std::string_view name);

/// With `given` sizes instead of the defaults. Errors, with status kUsage: a size that the model
/// does not have, one out of range, sizes that do not fit each other.
Result<Model> BuildReadyModel(const ReadyModel& ready, const std::vector<Size>& given);

/// A usage error about sizes.
std::unexpected<Diagnostic> SizeError(std::string message);
/// Whether the heads share the width evenly.
Result<void> CheckHeads(const Sizes& sizes);

// The rows of the table, a file each.
ReadyModel PlaygroundModel();
ReadyModel MlpModel();
ReadyModel LeNetModel();
ReadyModel VggModel();
ReadyModel ResNet18Model();
ReadyModel MobileNetV2Model();
ReadyModel UNetModel();
ReadyModel AutoencoderModel();
ReadyModel VaeModel();
ReadyModel LstmModel();
ReadyModel TransformerEncoderModel();
ReadyModel GptModel();
ReadyModel CharGptModel();
ReadyModel Gpt2Model();

}  // namespace descent::nn
