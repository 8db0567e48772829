// Graphs that are wide or deep.
#pragma once

#include "ir/graph.h"

namespace descent {

/// The concatenation of `count` inputs of two axes along `axis`: of 3, 1, 0 and 2 places in turn.
/// Their other extent is 4.
Graph WideConcat(int count, int axis);

/// sin and relu in turn, `count` of them.
Graph DeepChain(int count);

/// `count` outputs, each of one operation on an input of its own (scalars) or on one input of all.
Graph ManySiblings(int count, bool scalars);

}  // namespace descent
