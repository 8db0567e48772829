// Values that follow from constants alone, computed by the reference interpreter: the shape
// arithmetic of exporters (Shape -> Gather -> Concat -> Reshape) and everything else that an
// importer must know.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ir/graph.h"
#include "ir/op_def.h"

namespace descent::onnx {

/// What shapes follow from is small; a model that computes more than this at import is a bomb. In
/// evaluations of the interpreter (ir/work.h): about a second.
inline constexpr int64_t kMaxStaticWork = int64_t{1} << 22;

class StaticValues {
 public:
  /// `known` tells some of the builder's inputs by name.
  using KnownInput = std::function<std::optional<Tensor>(const std::string& input)>;
  /// Is told the inputs that a value follows from which is relied on.
  using RelyOnInput = std::function<void(const std::string& input)>;
  StaticValues(const GraphBuilder& builder, KnownInput known, RelyOnInput rely)
      : builder_(builder),
        input_(std::move(known)),
        rely_(std::move(rely)),
        work_left_(std::make_shared<int64_t>(kMaxStaticWork)) {}
  /// Of a body within the graph of `outside`.
  StaticValues(const GraphBuilder& builder, KnownInput known, RelyOnInput rely,
               const StaticValues& outside)
      : builder_(builder),
        input_(std::move(known)),
        rely_(std::move(rely)),
        work_left_(outside.work_left_) {}

  /// Fails, saying what it depends on, where that is an unknown input, state or chance; and where
  /// the values of the file, bodies included, would take more work than kMaxStaticWork.
  Result<Tensor> Evaluate(Value value);
  /// Every batch is taken for one of so many rows.
  void SetRows(int64_t rows) { rows_ = rows; }
  std::optional<int64_t> rows() const { return rows_; }
  /// Which elements of a vector, known as Evaluate tells, are that number of rows: one more with
  /// one row more.
  std::vector<int> RowElements(Value value);
  /// That the value will always be what it is now: so are the inputs that it follows from.
  void RelyOn(Value value);
  /// Whether it follows from constants (and the number of rows) alone, not from inputs.
  bool IsConstant(Value value);

 private:
  std::set<int32_t> NodesBehind(Value value, const std::set<int32_t>& done) const;
  Result<void> EvaluateNode(int32_t node);
  bool IsVarying(Leaf leaf) const;
  Result<void> TakeWork(const Node& node);

  const GraphBuilder& builder_;
  KnownInput input_;
  RelyOnInput rely_;
  std::optional<int64_t> rows_;             ///< what valid_rows is where shapes follow from it
  std::unique_ptr<StaticValues> one_more_;  ///< the same of a batch with one row more
  std::map<Value, Tensor> known_;
  std::set<int32_t> relied_on_;  ///< nodes
  std::set<int32_t> judged_;     ///< nodes of which it is known whether they are constants
  std::set<int32_t> varying_;    ///< those of them that are none
  std::shared_ptr<int64_t> work_left_;
};

}  // namespace descent::onnx
