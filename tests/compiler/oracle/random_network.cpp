#include "tests/compiler/oracle/random_network.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>
#include <numeric>
#include <optional>
#include <random>
#include <ranges>
#include <vector>

#include "ir/type.h"
#include "tests/compiler/oracle/random_window.h"

namespace descent {
namespace {

constexpr int64_t kChannels[] = {1, 2, 3, 5, 7, 8, 8, 16, 16, 17, 24, 32, 33, 48, 64, 96};
constexpr int64_t kExtents[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 13, 16, 20};
constexpr int64_t kBatches[] = {1, 1, 2, 3, 4, 5, 8, 16};

std::string List(const std::vector<int64_t>& numbers) {
  return fmt::format("[{}]", fmt::join(numbers, ", "));
}

/// [row, channel, y...], or with the channels last.
struct Image {
  std::string name;
  int64_t channels = 0;
  Shape extents;
  bool last = false;

  bool SameShape(const Image& other) const {
    return channels == other.channels && extents == other.extents && last == other.last;
  }

  int64_t pixels() const { return Elements(extents); }
};

class NetworkWriter {
 public:
  NetworkWriter(uint64_t seed, const NetworkOptions& options)
      : random_(seed * 0x9E3779B97F4A7C15 + 7), options_(options), work_(options.work) {}

  std::string Write() {
    dtype_ = Chance(3) ? "f32" : "f64";
    batch_ = Pick(kBatches);
    spatial_ = Chance(8) ? 1 : Chance(10) ? 3 : 2;
    Image image = Begin();
    const auto layers = 1 + random_() % static_cast<uint64_t>(options_.layers);
    for (uint64_t i = 0; i < layers; ++i) image = Layer(image);
    End(image);
    return Text();
  }

 private:
  // ---- choices ----

  bool Chance(int one_in) { return random_() % one_in == 0; }

  template <typename Choices>
  std::ranges::range_value_t<Choices> Pick(const Choices& choices) {
    return std::data(choices)[random_() % std::size(choices)];
  }

  int64_t Below(int64_t end) {
    return static_cast<int64_t>(random_() % static_cast<uint64_t>(end));
  }

  // ---- statements ----

  std::string Declare(const Shape& shape, const char* initial = "he_uniform") {
    const std::string name = fmt::format("p{}", parameters_++);
    const char* options[] = {"", "", "", " {l2=0.01}", " {weight_decay=0.1}", " {l1=0.001}"};
    declarations_ += fmt::format("  parameter {}: {}{} = {}{}\n", name, dtype_, List(shape),
                                 initial, Pick(options));
    return name;
  }

  std::string Statement(const std::string& expression) {
    const std::string name = fmt::format("v{}", values_++);
    body_ += fmt::format("  {} = {}\n", name, expression);
    return name;
  }

  Image With(Image image, const std::string& expression) {
    image.name = Statement(expression);
    return image;
  }

  Image Begin() {
    Image image{.name = "features", .channels = Pick(kChannels), .extents = {}, .last = Chance(6)};
    for (int i = 0; i < spatial_; ++i) image.extents.push_back(Pick(kExtents));
    while (image.pixels() * image.channels * batch_ > 20000) {
      int64_t& longest = *std::ranges::max_element(image.extents);
      if (longest > 4)
        longest /= 2;
      else
        image.channels = std::max<int64_t>(1, image.channels / 2);
    }
    const bool bytes = Chance(8);
    declarations_ +=
        fmt::format("  input features: {}{} from features\n", bytes ? "u8" : dtype_, Dims(image));
    if (bytes) image = With(image, fmt::format("cast(features, to={})", dtype_));
    return image;
  }

  static std::string Dims(const Image& image) {
    std::vector<int64_t> dims = image.extents;
    dims.insert(image.last ? dims.end() : dims.begin(), image.channels);
    return fmt::format("[batch, {}]", fmt::join(dims, ", "));
  }

  Shape ShapeOf(const Image& image) const {
    Shape shape = image.extents;
    shape.insert(image.last ? shape.end() : shape.begin(), image.channels);
    shape.insert(shape.begin(), batch_);
    return shape;
  }

  static int ChannelAxis(const Image& image) {
    return image.last ? static_cast<int>(image.extents.size()) + 1 : 1;
  }

  static const char* LayoutOf(const Image& image) { return image.last ? "nhwc" : "nchw"; }

  // ---- layers ----

  Image Layer(const Image& image) {
    earlier_.push_back(image);
    if (!Chance(3)) return Convolution(image);
    switch (random_() % 12) {
      case 0:
      case 1:
        return Activation(image);
      case 2:
        return Normalization(image);
      case 3:
      case 4:
        return Pool(image);
      case 5:
        return Residual(image);
      case 6:
        return Concatenation(image);
      case 7:
        return Transposed(image);
      case 8:
        return Gate(image);
      case 9:
        return Cut(image);
      case 10:
        return Upsampled(image);
      default:
        return Reshaped(image);
    }
  }

  std::vector<Window> RandomWindows(const Image& image) {
    std::vector<Window> windows;
    const bool same = Chance(2), strided = !Chance(3);
    for (const int64_t extent : image.extents) {
      windows.push_back(RandomWindow(extent, strided, random_));
      if (same && windows[0].Output(extent) > 0) windows.back() = windows[0];
    }
    return windows;
  }

  static Shape Outputs(const Image& image, const std::vector<Window>& windows) {
    Shape extents;
    for (size_t i = 0; i < windows.size(); ++i)
      extents.push_back(windows[i].Output(image.extents[i]));
    return extents;
  }

  Image Convolution(const Image& image) {
    std::vector<Window> windows = RandomWindows(image);
    if (Chance(3)) windows.assign(windows.size(), {.kernel = 3, .low = 1, .high = 1});
    return Convolved(image, windows, Pick(kChannels));
  }

  /// What is as dear as it may be, with `filters` or fewer.
  Image Convolved(const Image& image, const std::vector<Window>& windows, int64_t filters) {
    Image result{.channels = filters, .extents = Outputs(image, windows), .last = image.last};
    int64_t groups = 1;
    if (Chance(4)) groups = Chance(2) ? image.channels : std::gcd(image.channels, Below(4) + 1);
    if (groups > 1) result.channels = groups * (1 + Below(3));
    const int64_t taps = Elements(Each(windows, &Window::kernel)) * image.channels / groups;
    const int64_t room = std::max<int64_t>(work_ / 2, 1000);
    while (groups == 1 && result.channels > 1 &&
           batch_ * result.pixels() * result.channels * taps > room)
      result.channels /= 2;
    const int64_t work = batch_ * result.pixels() * result.channels * taps;
    if (work > room) return Activation(image);
    work_ -= work;
    Shape shape = {result.channels, image.channels / groups};
    std::ranges::copy(Each(windows, &Window::kernel), std::back_inserter(shape));
    std::string operands = fmt::format("{}, {}", image.name, Filters(shape));
    if (Chance(2))
      operands += ", " + Declare({result.channels}, "random_uniform(low=-0.5, high=0.5)");
    return With(result,
                fmt::format("conv{}d({}, stride={}, padding={}, dilation={}, groups={}, layout={})",
                            spatial_, operands, List(Each(windows, &Window::stride)),
                            List(PaddingOf(windows)), List(Each(windows, &Window::dilation)),
                            groups, LayoutOf(image)));
  }

  /// A parameter of its own, one that is read elsewhere, or something made of one.
  std::string Filters(const Shape& shape) {
    for (const auto& [name, known] : filters_)
      if (known == shape && Chance(2)) return name;
    std::string name;
    const auto rank = static_cast<int64_t>(shape.size());
    if (Chance(6)) {
      std::vector<int64_t> order(rank);
      std::iota(order.begin(), order.end(), int64_t{0});
      if (Chance(2))
        std::ranges::shuffle(order, random_);
      else
        std::swap(order[0], order[1]);
      Shape stored(rank);
      for (int64_t i = 0; i < rank; ++i) stored[order[i]] = shape[i];
      name = Statement(fmt::format("transpose({}, permutation={})", Declare(stored), List(order)));
    } else if (Chance(8)) {
      name = Statement(fmt::format("tanh({})", Declare(shape)));
    } else if (Chance(10)) {
      name = Statement(fmt::format("reshape({}, shape={})",
                                   Declare({Elements(shape)}, "random_uniform(low=-0.3, high=0.3)"),
                                   List(shape)));
    } else if (Chance(10)) {
      std::vector<int64_t> axes(rank - 2);
      std::iota(axes.begin(), axes.end(), int64_t{2});
      name = Statement(fmt::format("flip({}, axes={})", Declare(shape), List(axes)));
    } else if (Chance(10)) {
      const std::string parameter = Declare(shape);
      const std::string sum =
          Statement(fmt::format("mean({}, axes=[1], keepdims=true)", parameter));
      name = Statement(fmt::format("sub({}, {})", parameter, sum));
    } else {
      name = Declare(shape);
    }
    filters_.emplace_back(name, shape);
    return name;
  }

  Image Activation(const Image& image) {
    constexpr const char* kFunctions[] = {"relu", "relu", "tanh", "sigmoid", "gelu", "leaky_relu"};
    return With(image, fmt::format("{}({})", Pick(kFunctions), image.name));
  }

  Image Normalization(const Image& image) {
    const Shape channels = {image.channels};
    const int axis = ChannelAxis(image);
    if (Chance(3)) {
      const int64_t groups = std::gcd(image.channels, int64_t{4});
      return With(image,
                  fmt::format("group_norm({}, {}, {}, groups={}, axis={}, epsilon=0.1)", image.name,
                              Declare(channels, "ones"), Declare(channels, "zeros"), groups, axis));
    }
    if (Chance(3)) {
      const Shape shape = ShapeOf(image);
      const Shape own(shape.begin() + 1, shape.end());
      return With(image, fmt::format("layer_norm({}, {}, axis=1, epsilon=0.1)", image.name,
                                     Declare(own, "ones")));
    }
    const int number = statistics_++;
    declarations_ += fmt::format(
        "  statistic mean{0}: {1}{2} = zeros -> next_mean{0}\n"
        "  statistic variance{0}: {1}{2} = ones -> next_variance{0}\n",
        number, dtype_, List(channels));
    const std::string name = fmt::format("v{}", values_++);
    body_ += fmt::format(
        "  {0}, next_mean{1}, next_variance{1} = batch_norm({2}, {3}, {4}, mean{1}, variance{1}, "
        "axis={5}, epsilon=0.1)\n",
        name, number, image.name, Declare(channels, "ones"), Declare(channels, "zeros"), axis);
    Image result = image;
    result.name = name;
    return result;
  }

  Image Pool(const Image& image) {
    std::vector<Window> windows = RandomWindows(image);
    for (size_t i = 0; i < windows.size(); ++i) {
      Window& window = windows[i];
      window.low = std::min(window.low, window.kernel / 2);
      window.high = std::min(window.high, window.kernel / 2);
      if (window.Output(image.extents[i]) < 1) window = {};
    }
    Image result = image;
    result.extents = Outputs(image, windows);
    return With(
        result,
        fmt::format("{}_pool{}d({}, kernel={}, stride={}, padding={}, dilation={}, layout={})",
                    Chance(2) ? "max" : "avg", spatial_, image.name,
                    List(Each(windows, &Window::kernel)), List(Each(windows, &Window::stride)),
                    List(PaddingOf(windows)), List(Each(windows, &Window::dilation)),
                    LayoutOf(image)));
  }

  /// With an earlier image, which a convolution brings to the shape.
  Image Residual(const Image& image) {
    std::vector<Image> same;
    for (const Image& other : earlier_)
      if (other.SameShape(image) && other.name != image.name) same.push_back(other);
    if (!same.empty()) return With(image, fmt::format("add({}, {})", image.name, Pick(same).name));
    const Image other = Pick(earlier_);
    if (other.last != image.last) return Activation(image);
    std::vector<Window> windows;
    for (int i = 0; i < spatial_; ++i) {
      Window window{.stride = std::max<int64_t>(1, other.extents[i] / image.extents[i])};
      if (window.Output(other.extents[i]) != image.extents[i]) return Activation(image);
      windows.push_back(window);
    }
    const Image projected = Convolved(other, windows, image.channels);
    if (!projected.SameShape(image)) return projected;
    return With(image, fmt::format("add({}, {})", image.name, projected.name));
  }

  Image Concatenation(const Image& image) {
    for (const Image& other : earlier_) {
      if (other.extents != image.extents || other.last != image.last) continue;
      if (other.channels + image.channels > 100) continue;
      Image result = image;
      result.channels += other.channels;
      return With(result, fmt::format("concat({}, {}, axis={})", image.name, other.name,
                                      ChannelAxis(image)));
    }
    return Activation(image);
  }

  /// Two pixel axes change places, or the channels go to the other end.
  Image Transposed(const Image& image) {
    std::vector<int64_t> order(spatial_ + 2);
    std::iota(order.begin(), order.end(), int64_t{0});
    Image result = image;
    if (spatial_ > 1 && Chance(2)) {
      const int first = image.last ? 1 : 2;
      std::swap(order[first], order[first + 1]);
      std::swap(result.extents[0], result.extents[1]);
    } else {
      if (image.last)
        std::rotate(order.begin() + 1, order.end() - 1, order.end());
      else
        std::rotate(order.begin() + 1, order.begin() + 2, order.end());
      result.last = !image.last;
    }
    return With(result, fmt::format("transpose({}, permutation={})", image.name, List(order)));
  }

  /// Channels times a number each that follows from all pixels.
  Image Gate(const Image& image) {
    const std::string mean =
        Statement(fmt::format("global_avg_pool({}, layout={})", image.name, LayoutOf(image)));
    const std::string gate = Statement(fmt::format("sigmoid({})", mean));
    return With(image, fmt::format("mul({}, {})", image.name, gate));
  }

  /// A part of the channels or of the pixels, or more of these.
  Image Cut(const Image& image) {
    const Shape shape = ShapeOf(image);
    std::vector<int64_t> starts(shape.size(), 0), stops = shape, steps(shape.size(), 1);
    any_batch_ = false;
    Image result = image;
    const int64_t axis = 1 + Below(spatial_ + 1);
    if (shape[axis] < 2) return Activation(image);
    starts[axis] = Below(shape[axis] / 2);
    if (Chance(3)) steps[axis] = 2;
    const int64_t extent = (shape[axis] - starts[axis] + steps[axis] - 1) / steps[axis];
    if (axis == ChannelAxis(image))
      result.channels = extent;
    else
      result.extents[axis - (image.last ? 1 : 2)] = extent;
    return With(result, fmt::format("slice({}, starts={}, stops={}, steps={})", image.name,
                                    List(starts), List(stops), List(steps)));
  }

  Image Upsampled(const Image& image) {
    if (image.pixels() > 40) return Activation(image);
    Image result = image;
    result.channels = std::min(image.channels, Pick(kChannels));
    std::vector<Window> windows(spatial_);
    Shape shape = {image.channels, result.channels};
    for (int i = 0; i < spatial_; ++i) {
      windows[i] = {.kernel = 2 + Below(2), .stride = 2};
      result.extents[i] = (image.extents[i] - 1) * 2 + windows[i].kernel;
      shape.push_back(windows[i].kernel);
    }
    const int64_t work = batch_ * image.pixels() * Elements(shape);
    if (work > work_) return Activation(image);
    work_ -= work;
    return With(result,
                fmt::format("conv_transpose{}d({}, {}, stride={}, layout={})", spatial_, image.name,
                            Filters(shape), List(Each(windows, &Window::stride)), LayoutOf(image)));
  }

  /// Channels become pixels, or the other way round.
  Image Reshaped(const Image& image) {
    if (image.last) return Activation(image);
    Image result = image;
    int64_t& extent = result.extents[0];
    if (image.channels % 2 == 0 && Chance(2)) {
      result.channels /= 2, extent *= 2;
    } else if (extent % 2 == 0) {
      result.channels *= 2, extent /= 2;
    } else {
      return Activation(image);
    }
    std::vector<int64_t> shape = ShapeOf(result);
    shape[0] = -1;
    return With(result, fmt::format("reshape({}, shape={})", image.name, List(shape)));
  }

  // ---- the end ----

  void End(Image image) {
    if (Chance(5)) return EndWithImage(image);
    if (Chance(2))
      image =
          With({.channels = image.channels, .extents = Shape(spatial_, 1), .last = image.last},
               fmt::format("{}({}, layout={})", Chance(2) ? "global_avg_pool" : "global_max_pool",
                           image.name, LayoutOf(image)));
    const int64_t width = image.channels * image.pixels();
    const int64_t classes = 2 + Below(5);
    const std::string flat =
        Statement(fmt::format("reshape({}, shape=[-1, {}])", image.name, width));
    const std::string logits =
        Statement(Chance(2) ? fmt::format("matmul({}, {})", flat, Declare({width, classes}))
                            : fmt::format("linear({}, {}, {})", flat, Declare({classes, width}),
                                          Declare({classes}, "zeros")));
    declarations_ += "  input label: u8[batch] from label\n";
    body_ += fmt::format("  loss = cross_entropy({}, label)\n  predict {}\n", logits, logits);
  }

  /// As wide as its target, times a number that is trained whatever else is.
  void EndWithImage(const Image& image) {
    declarations_ += fmt::format("  input label: {}{} from label\n", dtype_, Dims(image));
    const std::string scaled =
        Statement(fmt::format("mul({}, {})", image.name, Declare({1}, "ones")));
    body_ += fmt::format("  loss = mse({0}, label)\n  predict {0}\n", scaled);
  }

  std::string Text() {
    constexpr const char* kOptimizers[] = {
        "sgd(learning_rate=0.1)", "momentum(learning_rate=0.1, momentum=0.9)",
        "nesterov(learning_rate=0.1)", "adam(learning_rate=0.01, epsilon=0.1)",
        "adamw(learning_rate=0.01, epsilon=0.1, weight_decay=0.1)"};
    std::string task = fmt::format("  train loss with {}", Pick(kOptimizers));
    if (Chance(4)) task += " clip_norm 0.5";
    if (Chance(6)) task += " clip_value 0.1";
    std::string batches = fmt::format("  batch {}\n", batch_);
    if (any_batch_ && Chance(3)) batches += fmt::format("  evaluate_batch {}\n", Pick(kBatches));
    if (any_batch_ && Chance(3)) batches += fmt::format("  predict_batch {}\n", Pick(kBatches));
    return fmt::format("descent 1\n\nmodel network {{\n{}{}{}{}\n}}\n", batches, declarations_,
                       body_, task);
  }

  std::mt19937_64 random_;
  const NetworkOptions options_;
  int64_t work_;
  std::string dtype_;
  int64_t batch_ = 1;
  int spatial_ = 2;
  bool any_batch_ = true;  ///< no statement states the batch
  std::string declarations_, body_;
  int parameters_ = 0, values_ = 0, statistics_ = 0;
  std::vector<Image> earlier_;
  std::vector<std::pair<std::string, Shape>> filters_;
};

}  // namespace

std::string RandomNetwork(uint64_t seed, const NetworkOptions& options) {
  return NetworkWriter(seed, options).Write();
}

}  // namespace descent
