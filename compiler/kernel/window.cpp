#include "compiler/kernel/window.h"

#include <algorithm>

#include "compiler/graph/sum_of_products.h"
#include "compiler/kernel/contraction.h"
#include "compiler/kernel/widen.h"
#include "ir/index_map.h"

namespace descent {
namespace {

/// Shorter rows of pixels leave too few rows for a register tile.
constexpr int64_t kShortRow = 4;
/// Rows of one tile: more would leave too few tiles.
constexpr int64_t kMaxRows = 512;
/// Steps of k between storing and loading partial sums.
constexpr int64_t kMinSteps = 64, kMaxSteps = 1024;
/// An element of the box must replace this many of the matrix.
constexpr int64_t kWorthBoxing = 2;

int64_t Extent(const Shape& axes, const std::vector<int>& positions, size_t first = 0) {
  int64_t product = 1;
  for (size_t i = first; i < positions.size(); ++i) product *= axes[positions[i]];
  return product;
}

/// All ways to cut a group whose pieces are whole in axes behind the cut; the largest first.
std::vector<GroupPiece> Pieces(const Shape& axes, const std::vector<int>& group) {
  std::vector<GroupPiece> pieces;
  for (size_t cut = 0; cut < group.size(); ++cut) {
    const int64_t inner = Extent(axes, group, cut + 1);
    for (int64_t piece = axes[group[cut]]; piece >= 1; --piece)
      if (axes[group[cut]] % piece == 0 && (piece > 1 || cut + 1 == group.size()))
        pieces.push_back({static_cast<int>(cut), piece, piece * inner});
  }
  return pieces;
}

class WindowFinder {
 public:
  WindowFinder(const Kernel& kernel, const TargetFacts& target)
      : kernel_(kernel), form_(kernel.as<ContractionForm>()), budget_(target.l2_bytes / 3) {
    axes_ = kernel.outer;
    const Stage& stage = kernel.stages[0];
    axes_.insert(axes_.end(), stage.axes.begin(), stage.axes.end());
  }

  std::optional<WindowedFactor> Find() {
    if (Elements(axes_) == 0 || !ReadsWindow()) return std::nullopt;
    found_.row = axes_[form_.m.back()];
    found_.run = axes_[form_.k.back()];
    if (found_.row < kShortRow || !ChoosePieces()) return std::nullopt;
    found_.box = Box(found_.m, found_.k);
    const auto strides = RowMajorStrides(found_.box);
    found_.strides.assign(axes_.size(), 0);
    for (size_t d = 0; d < strides.size(); ++d)
      for (size_t axis = 0; axis < axes_.size(); ++axis)
        found_.strides[axis] += strides[d] * found_.coordinates[d].coefficients[axis];
    // Rows that lie side by side are copied by whole vectors, whatever a box saves.
    const bool saves = Elements(found_.box) * kWorthBoxing <= found_.m.length * found_.k.length;
    if (!saves && (IsDense() || found_.strides[form_.m.back()] != 1)) return std::nullopt;
    return found_;
  }

 private:
  /// Neither guarded nor anything else but a matrix that lies there?
  bool IsDense() const { return kernel_.stages[0].reads[form_.lhs].guards.empty(); }

  /// One affine read of a parameter that ascends along all axes, and is 0 outside the parameter.
  bool ReadsWindow() {
    const Stage& stage = kernel_.stages[0];
    const auto factors = FactorsOf(*stage.reducer);
    if (!factors) return false;
    const auto is_lhs = [&](const Scalar& factor) {
      const ScalarNode& read = ThroughFloatCasts(*factor);  // done on the way into the box
      return read.kind == ScalarKind::kRead && read.slot == form_.lhs;
    };
    const StageRead& read = stage.reads[form_.lhs];
    if ((!is_lhs(factors->first) && !is_lhs(factors->second)) || read.source != Source::kParameter)
      return false;
    found_.extents = kernel_.parameters[read.index].type.shape;
    for (const Index& index : read.coordinates) {
      const auto affine = AsAffine(index, static_cast<int>(axes_.size()));
      if (!affine) return false;
      if (std::ranges::any_of(affine->coefficients, [](int64_t c) { return c < 0; })) return false;
      found_.coordinates.push_back(*affine);
    }
    if (!read.guards.empty() && (read.outside == nullptr || read.outside->number != 0))
      return false;
    return std::ranges::all_of(read.guards, [&](const Guard& guard) {
      for (size_t d = 0; d < read.coordinates.size(); ++d)
        if (SameIndex(guard.index, read.coordinates[d]) && guard.extent == found_.extents[d])
          return true;
      return false;
    });
  }

  Shape Box(const GroupPiece& m, const GroupPiece& k) const {
    Shape box;
    for (const AffineIndex& coordinate : found_.coordinates) {
      int64_t last = 0;
      const auto add = [&](const std::vector<int>& group, const GroupPiece& piece) {
        for (size_t i = piece.cut; i < group.size(); ++i) {
          const bool is_cut = static_cast<int>(i) == piece.cut;
          const int64_t extent = is_cut ? piece.piece : axes_[group[i]];
          last += coordinate.coefficients[group[i]] * (extent - 1);
        }
      };
      add(form_.m, m);
      add(form_.k, k);
      box.push_back(last + 1);
    }
    return box;
  }

  bool Fits(const GroupPiece& m, const GroupPiece& k) const {
    return Elements(Box(m, k)) * Info(kernel_.stages[0].reducer->init[0]->dtype).bytes <= budget_;
  }

  /// All of K in one box if that leaves rows enough, else as much as fits beside the rows.
  bool ChoosePieces() {
    const GroupPiece whole{0, axes_[form_.k[0]], Extent(axes_, form_.k)};
    for (const GroupPiece& m : Pieces(axes_, form_.m)) {
      if (m.length > kMaxRows || m.length % found_.row != 0 || !Fits(m, whole)) continue;
      found_.m = m;
      found_.k = whole;
      return true;
    }
    for (const GroupPiece& m : Pieces(axes_, form_.m)) {
      if (m.length > kMaxRows || m.length % found_.row != 0) continue;
      for (const GroupPiece& k : Pieces(axes_, form_.k)) {
        if (k.length > kMaxSteps || k.length < kMinSteps || k.length % found_.run != 0 ||
            !Fits(m, k))
          continue;
        found_.m = m;
        found_.k = k;
        return true;
      }
    }
    return false;
  }

  const Kernel& kernel_;
  const ContractionForm& form_;
  int64_t budget_;
  Shape axes_;
  WindowedFactor found_;
};

}  // namespace

std::optional<WindowedFactor> FindWindow(const Kernel& kernel, const TargetFacts& target) {
  return WindowFinder(kernel, target).Find();
}

}  // namespace descent
