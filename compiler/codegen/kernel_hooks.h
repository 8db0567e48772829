// What a program that runs in this process can be made to call around each of its kernels.
#pragma once

#include <cstdint>

namespace descent {

/// Called by the thread that called the entry point. Calls are numbered in the order of the step
/// tree; those in loops come again in each iteration. `arguments` are where the kernel's parameters
/// lie, in their order.
struct KernelHooks {
  using Hook = void (*)(void* self, int32_t call, void* const* arguments);
  Hook before = nullptr, after = nullptr;
  void* self = nullptr;
};

/// The symbol under which generated code finds them.
inline constexpr const char* kKernelHooksSymbol = "descent_kernel_hooks";

}  // namespace descent
