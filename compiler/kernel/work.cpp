// What the works of a region read and write.
#include <algorithm>

#include "compiler/kernel/region.h"

namespace descent {
namespace {

std::vector<int> TensorsOf(const FormWork& form, bool written) {
  std::vector<int> tensors;
  for (size_t i = 0; i < form.tensors.size(); ++i)
    if (form.kernel.parameters[i].written == written) tensors.push_back(form.tensors[i]);
  return tensors;
}

}  // namespace

std::vector<int> FormWork::Reads() const { return TensorsOf(*this, false); }
std::vector<int> FormWork::Writes() const { return TensorsOf(*this, true); }

int FormWork::UpdatedBy(int written) const {
  for (const auto& [from, to] : kernel.in_place)
    if (tensors[to] == written) return from;
  return -1;
}

std::vector<int> Work::Reads() const {
  if (loop) return loop->reads;
  if (branch) return branch->reads;
  if (form) return form->Reads();
  std::vector<int> tensors = computation.after;
  for (const TensorRead& read : computation.reads) tensors.push_back(read.tensor);
  return tensors;
}

std::vector<int> Work::Writes() const {
  if (loop) return loop->writes;
  if (branch) return branch->writes;
  if (form) return form->Writes();
  return computation.tensors;
}

int TensorTable::Add(EntryTensor tensor) {
  tensors_.push_back(std::move(tensor));
  return size() - 1;
}

int TensorTable::AddBeside(int tensor, std::string name, TensorType type) {
  return Add({.name = std::move(name),
              .type = std::move(type),
              .origin = tensors_[tensor].origin,
              .section = tensors_[tensor].section});
}

int TensorTable::Base(int tensor) const {
  while (tensors_[tensor].alias >= 0) tensor = tensors_[tensor].alias;
  return tensor;
}

void DropUnread(Region& region, const TensorTable& tensors) {
  std::vector<bool> read(tensors.size(), false);
  std::vector<Work> kept;
  for (auto work = region.works.rbegin(); work != region.works.rend(); ++work) {
    const std::vector<int> writes = work->Writes();
    const bool needed = std::any_of(writes.begin(), writes.end(), [&](int tensor) {
      return read[tensor] || tensors[tensor].alias >= 0;
    });
    if (!needed) continue;
    for (const int tensor : work->Reads()) read[tensor] = true;
    kept.push_back(std::move(*work));
  }
  std::reverse(kept.begin(), kept.end());
  region.works = std::move(kept);
}

}  // namespace descent
