#include "compiler/memory_check.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>
#include <set>

#include "compiler/codegen/codegen.h"

#if defined(DESCENT_SANITIZE_ADDRESS)
extern "C" void __asan_poison_memory_region(const volatile void* address, size_t bytes);
extern "C" void __asan_unpoison_memory_region(const volatile void* address, size_t bytes);
#endif

namespace descent {
namespace {

/// All bits set is NaN in every floating-point type; the other byte makes numbers that are finite
/// in all of them, and no index that is in range.
std::byte FillOf(MemoryCheck::Round round) {
  return round == MemoryCheck::Round::kFirst ? std::byte{0xFF} : std::byte{0x5A};
}

void SetPoison([[maybe_unused]] bool forbidden, [[maybe_unused]] const std::byte* begin,
               [[maybe_unused]] int64_t bytes) {
#if defined(DESCENT_SANITIZE_ADDRESS)
  if (forbidden)
    __asan_poison_memory_region(begin, static_cast<size_t>(bytes));
  else
    __asan_unpoison_memory_region(begin, static_cast<size_t>(bytes));
#endif
}

void Fill(std::byte* begin, int64_t bytes, std::byte fill) {
  SetPoison(false, begin, bytes);
  std::memset(begin, std::to_integer<int>(fill), static_cast<size_t>(bytes));
}

/// Same bytes, same number; other bytes, another one but for one case in 2^64.
uint64_t DigestOf(const void* data, int64_t bytes) {
  const auto* next = static_cast<const std::byte*>(data);
  uint64_t digest = static_cast<uint64_t>(bytes);
  for (; bytes > 0; bytes -= 8, next += 8) {
    uint64_t word = 0;
    std::memcpy(&word, next, static_cast<size_t>(std::min<int64_t>(bytes, 8)));
    digest = (digest ^ word) * 0x9E3779B97F4A7C15;
    digest ^= digest >> 32;
  }
  return digest;
}

/// " (h1, s1)": the values that a call writes.
std::string ResultsOf(const KernelCall& call, const Kernel& kernel) {
  std::vector<std::string> names;
  for (size_t i = 0; i < call.names.arguments.size(); ++i)
    if (kernel.parameters[i].written) names.push_back(call.names.arguments[i]);
  return names.empty() ? "" : fmt::format(" ({})", fmt::join(names, ", "));
}

}  // namespace

MemoryCheck::MemoryCheck(const KernelProgram& program, const Target& target)
    : program_(program), target_(target), hooks_{Before, After, this} {
  DESCENT_CHECK(program.guard_bytes > 0, "memory is checked in guard zones");
  for (const Kernel& kernel : program.kernels)
    worker_bytes_.push_back(WorkerScratchBytes(kernel, target));
}

void MemoryCheck::Begin(int entry, CallMemory memory, Round round) {
  entry_ = &program_.entries[entry];
  memory_ = std::move(memory);
  round_ = round;
  if (round == Round::kFirst) {
    digests_.clear();
    steps_ = ListSteps(*entry_, program_.kernels);
    lives_ = LivesOf(*entry_, steps_);
    values_ = ComputedValues(*entry_, program_.kernels);
  }
  compared_ = 0;
  const std::byte fill = FillOf(round);
  scratch_ = ScratchBytesOf(program_, *entry_, target_);
  Fill(memory_.scratch, scratch_.fixed_bytes + memory_.threads * scratch_.worker_bytes, fill);
  for (size_t i = 0; i < entry_->outputs.size(); ++i)
    Fill(memory_.outputs[i], entry_->buffers[entry_->outputs[i].buffer].type.bytes(), fill);
  FindFixedZones();
  for (const Zone& zone : fixed_zones_) Fill(zone.begin, zone.bytes, fill);
}

void MemoryCheck::End() {
  for (size_t i = 0; i < entry_->outputs.size(); ++i)
    if (!IsAsBefore(memory_.outputs[i], entry_->buffers[entry_->outputs[i].buffer].type.bytes()) &&
        dependent_.empty())
      dependent_ = "output " + Quoted(entry_->outputs[i].name);
  std::set<int> written;  // buffers of state
  for (const Access& access : steps_.accesses)
    if (access.written && entry_->buffers[access.buffer].space == Space::kState)
      written.insert(access.buffer);
  for (const int number : written) {
    const Buffer& buffer = entry_->buffers[number];
    if (!IsAsBefore(memory_.state + buffer.offset, buffer.type.bytes()) && dependent_.empty())
      dependent_ = "the new state " + Quoted(buffer.name);
  }
  for (const std::vector<Zone>* zones : {&fixed_zones_, &zones_})
    for (const Zone& zone : *zones) SetPoison(false, zone.begin, zone.bytes);
}

Result<void> MemoryCheck::Verdict() const {
  std::string finding;
  if (!overwritten_.empty())
    finding = overwritten_;
  else if (!dependent_.empty())
    finding = dependent_ + " depends on memory that no operand of its kernels holds";
  if (finding.empty()) return {};
  auto error = ErrorWithStatus(ExitStatus::kInternal, "{}", finding);
  error.error().hint = "this is a bug in Descent: please report it with the model";
  return error;
}

// ---- zones -------------------------------------------------------------------------------------

/// Adds the zones around what lies in [begin, begin + bytes).
void MemoryCheck::Guard(std::vector<Zone>& zones, std::byte* begin, int64_t bytes,
                        std::string_view kind, std::string_view name) const {
  const int64_t guard = program_.guard_bytes;
  zones.push_back({begin - guard, guard, /*behind=*/false, kind, name});
  zones.push_back({begin + bytes, Aligned(bytes) - bytes + guard, /*behind=*/true, kind, name});
}

void MemoryCheck::FindFixedZones() {
  fixed_zones_.clear();
  zones_.clear();
  for (const StateSlot& slot : program_.state)
    Guard(fixed_zones_, memory_.state + slot.offset, slot.type.bytes(), "state", slot.name);
  for (size_t i = 0; i < entry_->inputs.size(); ++i) {
    const EntryInput& input = entry_->inputs[i];
    Guard(fixed_zones_, memory_.inputs[i], entry_->buffers[input.buffer].type.bytes(), "input",
          input.binding.name);
  }
  for (size_t i = 0; i < entry_->outputs.size(); ++i) {
    const EntryOutput& output = entry_->outputs[i];
    Guard(fixed_zones_, memory_.outputs[i], entry_->buffers[output.buffer].type.bytes(), "output",
          output.name);
  }
}

/// What the arena holds free around the buffers that live now, and of each worker's scratch the
/// part behind what the kernel needs.
void MemoryCheck::FindZonesOf(int call) {
  zones_.clear();
  for (size_t i = 0; i < entry_->buffers.size(); ++i) {
    const Buffer& buffer = entry_->buffers[i];
    if (buffer.space != Space::kArena || call < lives_[i].first || call > lives_[i].last) continue;
    Guard(zones_, memory_.scratch + buffer.offset, buffer.type.bytes(), "buffer", buffer.name);
  }
  const int64_t own = worker_bytes_[steps_.calls[call]->kernel];
  std::byte* workers = memory_.scratch + scratch_.fixed_bytes;
  zones_.push_back({.begin = workers - program_.guard_bytes,
                    .bytes = program_.guard_bytes,
                    .behind = false,
                    .kind = "scratch of worker",
                    .name = {}});
  for (int worker = 0; worker < memory_.threads; ++worker)
    zones_.push_back({.begin = workers + worker * scratch_.worker_bytes + own,
                      .bytes = program_.guard_bytes,
                      .behind = true,
                      .kind = "scratch of worker",
                      .name = {},
                      .worker = worker});
}

void MemoryCheck::CheckZones(int call, const std::vector<Zone>& zones) {
  const std::byte fill = FillOf(round_);
  const auto changed = [&](std::byte byte) { return byte != fill; };
  for (const Zone& zone : zones) {
    SetPoison(false, zone.begin, zone.bytes);
    const std::byte* end = zone.begin + zone.bytes;
    const std::byte* first = std::find_if(zone.begin, zone.begin + zone.bytes, changed);
    if (first == end || !overwritten_.empty()) continue;
    const std::byte* last = end - 1;
    while (!changed(*last)) --last;
    const int64_t distance = zone.behind ? first - zone.begin : end - 1 - last;
    overwritten_ = fmt::format(
        "kernel {}{} writes outside of its buffers: {} changed, the nearest {} bytes {} {} {}",
        KernelOf(call).name, ResultsOf(*steps_.calls[call], KernelOf(call)),
        Counted(std::count_if(first, end, changed), "byte"), distance,
        zone.behind ? "behind the end of" : "before the start of", zone.kind,
        zone.name.empty() ? fmt::format("{}", zone.worker) : Quoted(zone.name));
  }
}

// ---- values ------------------------------------------------------------------------------------

bool MemoryCheck::IsAsBefore(const void* data, int64_t bytes) {
  const uint64_t digest = DigestOf(data, bytes);
  if (round_ == Round::kFirst) {
    digests_.push_back(digest);
    return true;
  }
  const size_t number = compared_++;
  return number < digests_.size() && digests_[number] == digest;
}

void MemoryCheck::CheckValues(int call, void* const* arguments) {
  const KernelCall& which = *steps_.calls[call];
  const auto values = values_.find(&which);
  if (values == values_.end()) return;
  const Kernel& kernel = KernelOf(call);
  for (const ComputedValue& value : values->second) {
    const int64_t bytes = kernel.parameters[value.argument].type.bytes();
    if (IsAsBefore(arguments[value.argument], bytes) || !dependent_.empty()) continue;
    const Buffer& buffer = entry_->buffers[which.arguments[value.argument].buffer];
    dependent_ =
        fmt::format("value {}, which kernel {} completes,", Quoted(buffer.name), kernel.name);
  }
}

// ---- hooks -------------------------------------------------------------------------------------

const Kernel& MemoryCheck::KernelOf(int call) const {
  return program_.kernels[steps_.calls[call]->kernel];
}

void MemoryCheck::Before(void* self, int32_t call, void* const*) {
  auto& check = *static_cast<MemoryCheck*>(self);
  check.FindZonesOf(call);
  for (const Zone& zone : check.zones_) Fill(zone.begin, zone.bytes, FillOf(check.round_));
  for (const std::vector<Zone>* zones : {&check.fixed_zones_, &check.zones_})
    for (const Zone& zone : *zones) SetPoison(true, zone.begin, zone.bytes);
}

void MemoryCheck::After(void* self, int32_t call, void* const* arguments) {
  auto& check = *static_cast<MemoryCheck*>(self);
  check.CheckZones(call, check.fixed_zones_);
  check.CheckZones(call, check.zones_);
  check.CheckValues(call, arguments);
}

}  // namespace descent
