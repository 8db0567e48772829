#include "compiler/kernel/computed_values.h"

#include <algorithm>
#include <iterator>
#include <ranges>
#include <unordered_set>

namespace descent {
namespace {

class Search {
 public:
  explicit Search(const std::vector<Kernel>& kernels) : kernels_(kernels) {}

  /// `later`: buffers that are written behind these steps; theirs are added.
  void Visit(const std::vector<Step>& steps, std::unordered_set<int>& later) {
    for (const Step& step : std::views::reverse(steps)) {
      if (const auto* call = std::get_if<KernelCall>(&step.what)) {
        VisitCall(*call, later);
        continue;
      }
      std::unordered_set<int> all = later;
      for (const std::vector<Step>* inner : InnerSteps(step)) {
        std::unordered_set<int> behind = later;
        Visit(*inner, behind);
        all.merge(behind);
      }
      later = std::move(all);
    }
  }

  std::map<const KernelCall*, std::vector<ComputedValue>> found;

 private:
  using Names = std::vector<std::string>;

  void VisitCall(const KernelCall& call, std::unordered_set<int>& later) {
    const std::vector<KernelParameter>& parameters = kernels_[call.kernel].parameters;
    std::vector<int> completed;
    for (int i = 0; i < std::ssize(parameters); ++i) {
      if (!parameters[i].written) continue;
      const TensorType& type = parameters[i].type;
      const bool last = later.insert(call.arguments[i].buffer).second;
      if (last && Info(type.dtype).is_float && type.elements() > 0) completed.push_back(i);
    }
    if (kernels_[call.kernel].is<BucketsForm>()) return;
    if (!completed.empty()) found[&call] = InOrder(call, std::move(completed));
  }

  /// Where the call computes what the argument gets; behind all names if it has none.
  static Names::const_iterator PlaceOf(const KernelCall& call, int argument) {
    return std::ranges::find(call.names.covered, call.names.arguments[argument]);
  }

  static std::vector<ComputedValue> InOrder(const KernelCall& call, std::vector<int> arguments) {
    const auto place = [&](int argument) { return PlaceOf(call, argument); };
    std::ranges::stable_sort(arguments, {}, place);
    const auto is_seen = [&](const std::string& name) {
      return std::ranges::any_of(
          arguments, [&](int argument) { return call.names.arguments[argument] == name; });
    };
    std::vector<ComputedValue> values;
    for (const int argument : arguments) {
      std::vector<std::string> covered;
      std::remove_copy_if(call.names.covered.begin(), place(argument), std::back_inserter(covered),
                          is_seen);
      values.push_back({argument, std::move(covered)});
    }
    return values;
  }

  const std::vector<Kernel>& kernels_;
};

}  // namespace

std::map<const KernelCall*, std::vector<ComputedValue>> ComputedValues(
    const EntryProgram& entry, const std::vector<Kernel>& kernels) {
  Search search(kernels);
  std::unordered_set<int> later;
  search.Visit(entry.steps, later);
  return std::move(search.found);
}

}  // namespace descent
