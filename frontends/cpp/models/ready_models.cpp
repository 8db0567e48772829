#include "frontends/cpp/models/ready_models.h"

#include <algorithm>

#include "ir/suggest.h"

namespace descent::nn {

std::span<const SizeInfo> SizeInfos() {
  static constexpr SizeInfo kInfos[] = {
      {"batch", "rows of a training step"},
      {"inputs", "features of a row"},
      {"channels", "channels of an image"},
      {"size", "height and width of an image"},
      {"steps", "length of a sequence"},
      {"positions", "longest sequence that the table of positions has room for"},
      {"vocabulary", "different tokens"},
      {"width", "units of a hidden layer, channels of the first convolution, or width of a token"},
      {"hidden", "units of the layers inside or behind"},
      {"depth", "hidden layers, blocks or levels; of vgg layers with weights, its name's number", 1,
       1000},
      {"heads", "heads of attention"},
      {"code", "numbers of the code in the middle"},
      {"classes", "classes to tell apart", 2},
  };
  return kInfos;
}

Sizes::Sizes(std::span<const Size> defaults) {
  for (const Size& size : defaults) Set(size.name, size.value);
}

int64_t Sizes::operator[](std::string_view name) const {
  const auto place = values_.find(name);
  DESCENT_CHECK(place != values_.end(), "a model asks for a size that it lists");
  return place->second;
}

void Sizes::Set(std::string_view name, int64_t value) {
  values_.insert_or_assign(std::string(name), value);
}

std::span<const ReadyModel> ReadyModels() {
  static const std::vector<ReadyModel> kModels = {
      PlaygroundModel(),         MlpModel(),  LeNetModel(),       VggModel(),  ResNet18Model(),
      MobileNetV2Model(),        UNetModel(), AutoencoderModel(), VaeModel(),  LstmModel(),
      TransformerEncoderModel(), GptModel(),  CharGptModel(),     Gpt2Model(),
  };
  return kModels;
}

const ReadyModel* FindReadyModel(std::string_view name) {
  const auto place = std::ranges::find(ReadyModels(), name, &ReadyModel::name);
  return place == ReadyModels().end() ? nullptr : &*place;
}

std::unexpected<Diagnostic> SizeError(std::string message) {
  return ErrorWithStatus(ExitStatus::kUsage, "{}", message);
}

Result<void> CheckHeads(const Sizes& sizes) {
  if (sizes["width"] % sizes["heads"] == 0) return {};
  return SizeError(fmt::format("the heads share the width: {} is no multiple of {}", sizes["width"],
                               sizes["heads"]));
}

Result<Model> BuildReadyModel(const ReadyModel& ready, const std::vector<Size>& given) {
  Sizes sizes(ready.sizes);
  for (const Size& size : given) {
    if (!sizes.Has(size.name)) {
      std::vector<std::string_view> names;
      for (const Size& each : ready.sizes) names.push_back(each.name);
      return SizeError(fmt::format("{} has no size {}; it has {}", ready.name, Quoted(size.name),
                                   fmt::join(names, ", ")));
    }
    const SizeInfo& info = *std::ranges::find(SizeInfos(), size.name, &SizeInfo::name);
    if (size.value < info.minimum || size.value > info.maximum)
      return SizeError(fmt::format("{} of {} must be from {} to {}, not {}", size.name, ready.name,
                                   info.minimum, info.maximum, size.value));
    sizes.Set(size.name, size.value);
  }
  return ready.build(ready, sizes);
}

}  // namespace descent::nn
