// LowerGroup: a fused group as a Kernel. Values of earlier stages become locals, the rest
// parameters.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "compiler/kernel/fuse.h"
#include "compiler/kernel/program.h"

namespace descent {

struct LoweredKernel {
  Kernel kernel;             ///< not scheduled; its name is a suggestion without prefix and number
  std::vector<int> tensors;  ///< one per parameter
  std::vector<int> after = {};             ///< FusedGroup::After
  std::vector<std::string> asserted = {};  ///< of its stages
};

/// `stored(tensor)`: is the value needed in memory behind this kernel?
LoweredKernel LowerGroup(const FusedGroup& group, const TensorTable& tensors,
                         const std::function<bool(int)>& stored);

/// May a call bind parameters `read` and `written` to the same bytes?
bool MayAlias(const Kernel& kernel, int read, int written);

/// Same work; names and covered nodes are not compared.
bool SameKernel(const Kernel& a, const Kernel& b);
/// Equal for kernels that are the same.
size_t HashKernel(const Kernel& kernel);

}  // namespace descent
