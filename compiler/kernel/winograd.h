// Winograd's minimal filtering: convolutions with 3x3 filters and steps of 1, and their gradients,
// by 2.25 times fewer products.
//
// An image is cut into tiles of 4x4 pixels that overlap by two. With d a tile of one channel, g a
// filter of it and y the 2x2 pixels of the result, and the constant matrices A, B, G of F(2x2, 3x3)
//
//   y = A' [(G g G') * (B' d B)] A
//
// where the elementwise product, summed over channels, is 16 products of matrices: [tiles,
// channels] by [channels, filters]. The gradient of the image is a convolution itself; that of the
// filter is G' [(A dy A') * (B' d B)] G, summed over tiles instead of channels.
//
// A. Lavin, S. Gray, Fast Algorithms for Convolutional Neural Networks, 2015.
//
// Each result is a sum of up to 9 sums whose factors are sums themselves, so that its error is
// bounded by the largest values of its tile instead of by its own products. Of random numbers in
// 256 channels it is 1.4 times that of the plain sum.
#pragma once

#include <cstdint>

#include "compiler/kernel/region.h"

namespace descent {

enum class Winograd : uint8_t {
  kNever,
  kWhereItPays,  ///< the products saved must be worth the bytes moved
  kWhereverItCan,
};

/// Replaces convolutions and their gradients by transformations of their factors, 16 products of
/// matrices, and the transformation of these. To be called when layouts are chosen and before
/// reductions are split.
void UseWinograd(Region& region, TensorTable& tensors, Winograd use);

}  // namespace descent
