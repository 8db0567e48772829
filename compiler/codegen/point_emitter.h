// PointEmitter: values at one point of a nest (or one vector of points): reads, scalar trees,
// stores. Internal to compiler/codegen (sees LLVM).
#pragma once

#include <set>
#include <unordered_map>
#include <vector>

#include "compiler/codegen/lane_plan.h"
#include "compiler/codegen/nest_emitter.h"

namespace descent {

/// Where we are, and what is already computed there. Inner points see the values of the outer ones.
struct Point {
  const Point* outer = nullptr;
  std::vector<llvm::Value*> axes;  ///< coordinates; of the vector axis that of lane 0
  llvm::Value* mask = nullptr;     ///< active lanes; null: all
  std::unordered_map<const ScalarNode*, llvm::Value*> values;
  std::unordered_map<int, llvm::Value*> reads;
  std::vector<llvm::Value*> accumulators, others;

  Point Inner() const {
    Point inner;
    inner.outer = this;
    inner.axes = axes;
    inner.mask = mask;
    return inner;
  }
};

class PointEmitter {
 public:
  PointEmitter(FunctionEmitter& f, const Nest& nest, const LanePlan& plan);

  /// Computes what depends on axes up to loop `level` (-1: only on fixed ones) and on none further
  /// in.
  void Hoist(Point& point, int level);
  /// A scalar when it is the same in all lanes.
  llvm::Value* Evaluate(const ScalarNode& node, Point& point);
  void Store(const NestStore& store, llvm::Value* value, Point& point);

 private:
  /// Conditions on a read: the same for all lanes, or by lane. Null: always true.
  struct Condition {
    llvm::Value* uniform = nullptr;
    llvm::Value* varying = nullptr;
    bool trivial() const { return !uniform && !varying; }
  };

  llvm::Value* EvaluateNew(const ScalarNode& node, Point& point);
  llvm::Value* IndexVector(const Index& index, Point& point);
  llvm::Value* EmitIndex(const Index& index, Point& point, int lane);
  llvm::Value* Address(const std::vector<Index>& coordinates, const Memory& memory, Point& point,
                       int lane);
  void Require(Condition& condition, const Index& index, int64_t extent, Point& point);
  void ReportBadIndex(const Condition& guard, const Condition& check, Point& point);
  void ReportNotFinite(llvm::Value* value, Point& point);
  /// Sets a status bit where `failed` holds in an active lane.
  void Report(llvm::Value* failed, int32_t status_bit, Point& point);

  llvm::Value* Read(int number, Point& point);
  llvm::Value* ReadNew(int number, Point& point);
  llvm::Value* ReadUniform(const NestRead& read, const Condition& condition, Point& point);
  llvm::Value* ReadContiguous(const NestRead& read, const Condition& condition, Point& point);
  llvm::Value* ReadLanes(const NestRead& read, const Condition& condition, Point& point);
  llvm::Value* FromMemory(llvm::Value* value, DType dtype);
  llvm::Value* ToMemory(llvm::Value* value, DType dtype);
  /// `address`, or zeros that may be read in its place.
  llvm::Value* SafeAddress(llvm::Value* condition, llvm::Value* address);

  int Level(const Index& index) const;
  std::optional<int64_t> Step(const Index& index) const {
    return LaneStep(index, plan_.chunk, varying_reads_);
  }

  FunctionEmitter& f_;
  const Nest& nest_;
  const LanePlan& plan_;
  std::set<int> varying_reads_;
  std::vector<int> axis_level_;
  std::vector<int> read_level_;
  std::vector<std::pair<const ScalarNode*, int>> node_levels_;  ///< arguments first
};

}  // namespace descent
