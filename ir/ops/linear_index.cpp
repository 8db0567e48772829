#include "ir/ops/linear_index.h"

#include <algorithm>

#include "ir/ops/shapes.h"

namespace descent {
namespace {

/// coordinate[0] * stride[0] + ..., grown one coordinate at a time.
struct Place {
  Expr number;  ///< i64
  Expr valid;   ///< bool: all coordinates from data are in range

  void Shift(Expr coordinate, int64_t stride) {
    number = number + coordinate * static_cast<double>(stride);
  }
  void ShiftChecked(Expr index, int64_t extent, int64_t stride) {
    const Expr coordinate = CastTo(index, DType::kI64);
    const auto end = static_cast<double>(extent);
    valid = And(valid, And(GreaterEqual(coordinate, 0.0), Less(coordinate, end)));
    Shift(coordinate, stride);
  }
  Expr Checked(const Shape& shape) const { return ExpandTo(Where(valid, number, -1.0), shape); }
};

Place Start(GraphBuilder& b) {
  return {{b, b.Constant(Tensor::Scalar(DType::kI64, 0))},
          {b, b.Constant(Tensor::Scalar(DType::kBool, 1))}};
}

/// The coordinate along `axis` of each point of `shape`, extents 1 elsewhere.
Expr Coordinate(GraphBuilder& b, const Shape& shape, int axis) {
  Shape column(shape.size(), 1);
  column[axis] = shape[axis];
  return Iota(b, std::move(column), axis, DType::kI64);
}

}  // namespace

Result<void> CheckAlong(const OpContext& op) {
  DESCENT_TRY(axis, NormalAxis(op.attributes.Int("axis"), op.operands[0].rank()));
  const Shape &x = op.shape(0), &indices = op.shape(1);
  bool fits = indices.size() == x.size();
  for (size_t i = 0; fits && i < x.size(); ++i)
    fits = static_cast<int>(i) == axis || indices[i] <= x[i];
  if (!fits)
    return Error("indices {} must have the rank of x {} and at most its extents beside axis {}",
                 ToString(indices), ToString(x), axis);
  return {};
}

int64_t ExtentAlong(const OpContext& op) {
  return op.shape(0)[KnownAxis(op.attributes.Int("axis"), op.operands[0].rank())];
}

Expr PlacesAlong(const OpContext& op, Expr indices) {
  const int rank = op.operands[0].rank(), axis = KnownAxis(op.attributes.Int("axis"), rank);
  const std::vector<int64_t> strides = RowMajorStrides(op.shape(0));
  Place place = Start(indices.builder());
  for (int i = 0; i < rank; ++i) {
    if (i == axis) continue;
    place.Shift(Coordinate(indices.builder(), op.shape(1), i), strides[i]);
  }
  place.ShiftChecked(indices, op.shape(0)[axis], strides[axis]);
  return place.Checked(op.shape(1));
}

Result<int> TupleLength(const OpContext& op, int batch) {
  const Shape &x = op.shape(0), &indices = op.shape(1);
  const auto most = static_cast<int64_t>(x.size()) - batch;
  if (static_cast<int>(indices.size()) <= batch || indices.back() < 1 || indices.back() > most)
    return Error("the last axis of indices {} must hold 1 to {} coordinates of x {}",
                 ToString(indices), most, ToString(x));
  return static_cast<int>(indices.back());
}

Expr PlacesOfTuples(const OpContext& op, Expr indices, int batch) {
  const Shape &x = op.shape(0), &given = op.shape(1);
  const Shape tuples(given.begin(), given.end() - 1);
  const int last = static_cast<int>(tuples.size()),
            coordinates = batch + static_cast<int>(given.back());
  const std::vector<int64_t> strides = RowMajorStrides(Shape(x.begin(), x.begin() + coordinates));
  Place place = Start(indices.builder());
  for (int i = 0; i < batch; ++i) place.Shift(Coordinate(indices.builder(), tuples, i), strides[i]);
  for (int i = batch; i < coordinates; ++i) {
    const Expr index = SliceAxis(indices, last, i - batch, i - batch + 1);
    place.ShiftChecked(Reshape(index, tuples), x[i], strides[i]);
  }
  return place.Checked(tuples);
}

}  // namespace descent
