// Deliver of compiler/kernel/region.h.
#include <algorithm>

#include "compiler/kernel/work_order.h"

namespace descent {
namespace {

class Delivering {
 public:
  Delivering(Region& region, TensorTable& tensors)
      : region_(region), tensors_(tensors), order_(region, tensors) {}

  void Run() {
    for (const Delivery& delivery : region_.deliveries) {
      if (delivery.value == delivery.older) continue;  // it is there
      if (Bind(delivery) || Copy(delivery.value, delivery)) continue;
      const int temporary = tensors_.Add({.name = tensors_[delivery.value].name + ".old",
                                          .type = tensors_[delivery.value].type,
                                          .origin = tensors_[delivery.value].origin,
                                          .section = tensors_[delivery.value].section});
      AddCopy(delivery.value, temporary);
      DESCENT_CHECK(Copy(temporary, delivery), "a copied value can't be delivered");
    }
    region_.deliveries.clear();
  }

 private:
  /// A slice advances with the innermost loop: no body may have the tensor for another place.
  bool BodyTouches(int tensor) const {
    const std::vector<int>& readers = order_.ReadersOf(tensor);
    return std::any_of(readers.begin(), readers.end(),
                       [&](int reader) { return region_.works[reader].is_control(); });
  }

  bool Allowed(const Overwrite& overwrite) {
    if (!order_.Allows(overwrite)) return false;
    order_.Add(overwrite);
    region_.overwrites.push_back(overwrite);
    return true;
  }

  /// Reads of the older value by the writer itself must be of the very element it overwrites.
  static bool ReadsInPlace(const Work& writer, int older) {
    if (!writer.is_computation()) return false;
    const Computation& computation = writer.computation;
    for (const TensorRead& read : computation.reads)
      if (read.tensor == older && (computation.reducer || !IsIdentity(computation, read)))
        return false;
    return true;
  }

  bool Bind(const Delivery& delivery) {
    const int writer = order_.WriterOf(delivery.value);
    if (writer < 0) return false;
    if (FormWork* form = region_.works[writer].form.get())
      if (const int read = form->UpdatedBy(delivery.value); read >= 0)
        return BindUpdated(*form, read, delivery);
    if (region_.works[writer].loop || tensors_[delivery.value].alias >= 0) return false;
    if (region_.works[writer].branch) return BindResult(*region_.works[writer].branch, delivery);
    if (tensors_.IsSlice(delivery.target) && BodyTouches(delivery.value)) return false;
    if (delivery.older >= 0) {
      if (order_.Reads(writer, delivery.older) &&
          !ReadsInPlace(region_.works[writer], delivery.older))
        return false;
      if (!Allowed({delivery.older, delivery.value})) return false;
    }
    PlaceIn(delivery.value, delivery.target);
    return true;
  }

  /// A value that takes the bytes of another one, which nobody else reads, is delivered when that
  /// one is. If that one is a copy of what the target holds, there is nothing to copy.
  bool BindUpdated(FormWork& form, int read, const Delivery& delivery) {
    const int base = form.tensors[read];
    if (tensors_.IsSlice(delivery.target) && BodyTouches(delivery.value)) return false;
    if (delivery.older >= 0 && UpdatesCopy(form, base, delivery.older)) {
      if (!Allowed({delivery.older, delivery.value})) return false;
      form.tensors[read] = delivery.older;
    } else {
      if (!Bind({base, delivery.target, delivery.older})) return false;
      const bool allowed = delivery.older < 0 || Allowed({delivery.older, delivery.value});
      DESCENT_CHECK(allowed, "what comes before the base comes before its update");
    }
    PlaceIn(delivery.value, delivery.target);
    return true;
  }

  /// Is `base` a copy of `older`, which the form does not read elsewhere?
  bool UpdatesCopy(const FormWork& form, int base, int older) const {
    const int writer = order_.WriterOf(base);
    return writer >= 0 && tensors_[base].alias < 0 && IsCopyOf(region_.works[writer], older) &&
           std::ranges::count(form.tensors, older) == 0;
  }

  static bool IsCopyOf(const Work& work, int tensor) {
    const Computation& copy = work.computation;
    return work.is_computation() && IsLayout(copy) && copy.after.empty() &&
           copy.reads.size() == 1 && copy.reads[0].tensor == tensor &&
           IsIdentity(copy, copy.reads[0]);
  }

  /// Both sides of a branch write to the target, or leave there what it holds.
  bool BindResult(BranchWork& branch, const Delivery& delivery) {
    if (tensors_.IsSlice(delivery.target) || branch.condition == delivery.older) return false;
    if (delivery.older >= 0) {
      if (!Allowed({delivery.older, delivery.value})) return false;
      branch.in_place.push_back({delivery.older, delivery.value});
      for (Region* side : {&branch.then_body, &branch.else_body})
        for (Delivery& inner : side->deliveries)
          if (inner.target == delivery.value) inner.older = delivery.older;
    }
    PlaceIn(delivery.value, delivery.target);
    return true;
  }

  void PlaceIn(int tensor, int target) {
    const EntryTensor& place = tensors_[target];
    tensors_[tensor].alias = tensors_.IsSlice(target) ? place.alias : target;
    tensors_[tensor].slice_stride_bytes = place.slice_stride_bytes;
    tensors_[tensor].from_end = place.from_end;
  }

  void AddCopy(int source, int target) {
    Work work;
    work.computation = MakeCopy(source, target, tensors_[source].type);
    work.computation.nodes = {tensors_[target].name};
    if (tensors_[source].splat) InlineConstant(work.computation, source, tensors_[source].splat);
    order_.Append(work);
    region_.works.push_back(std::move(work));
  }

  bool Copy(int source, const Delivery& delivery) {
    const int copy = tensors_.Add({.name = tensors_[delivery.target].name,
                                   .type = tensors_[delivery.value].type,
                                   .origin = tensors_[delivery.value].origin,
                                   .section = tensors_[delivery.value].section});
    PlaceIn(copy, delivery.target);
    AddCopy(source, copy);
    if (delivery.older < 0 || Allowed({delivery.older, copy})) return true;
    order_.DropLast();
    region_.works.pop_back();
    return false;
  }

  Region& region_;
  TensorTable& tensors_;
  WorkOrder order_;
};

}  // namespace

void Deliver(Region& region, TensorTable& tensors) { Delivering(region, tensors).Run(); }

}  // namespace descent
