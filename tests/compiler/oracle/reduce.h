// Makes a failing case small: fewer outputs, nodes replaced by inputs or operands, smaller extents.
#pragma once

#include <functional>

#include "tests/compiler/oracle/check.h"

namespace descent {

/// Whether a case still fails; runs it in a process of its own.
using Fails = std::function<bool(const OracleCase&, const OptionSet&)>;

struct ReducedCase {
  OracleCase one;
  OptionSet options;
};

/// A case that fails as `one` does and from which nothing more can be taken, as far as was tried.
/// Training becomes a plain graph where that fails, too.
ReducedCase Reduce(const OracleCase& one, const OptionSet& options, const Fails& fails);

}  // namespace descent
