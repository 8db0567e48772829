// Convolutions of ResNet-18 for 32x32 images, of LeNet, and depthwise ones, forward and both
// gradients.

#include <fmt/format.h>

#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

GraphCase Case(const ConvolutionSizes& s, ConvolutionPart part) {
  constexpr const char* kParts[] = {"forward", "data", "weights"};
  constexpr const char* kGradients[] = {"", "x", "w"};
  const auto number = static_cast<size_t>(part);
  return {.name = fmt::format("convolution/{}/{}x{}x{}_{}_{}x{}s{}{}", kParts[number], s.images,
                              s.in, s.size, s.out, s.kernel, s.kernel, s.stride,
                              s.groups > 1 ? fmt::format("g{}", s.groups) : ""),
          .body = fmt::format("input x: f32[{0}, {1}, {2}, {2}]\ninput w: f32[{3}, {4}, {5}, {5}]\n"
                              "y = conv2d(x, w, stride=[{6}, {6}], padding=[{7}, {7}, {7}, {7}], "
                              "groups={8})\noutput y",
                              s.images, s.in, s.size, s.out, s.in / s.groups, s.kernel, s.stride,
                              s.kernel / 2, s.groups),
          .gradient = kGradients[number],
          .peers = {OneDnnConvolution(s, part)}};
}

}  // namespace

std::vector<GraphCase> ConvolutionCases() {
  std::vector<GraphCase> cases;
  for (const ConvolutionSizes& sizes : {ConvolutionSizes{32, 64, 32, 64, 3},
                                        {32, 128, 16, 128, 3},
                                        {32, 256, 8, 256, 3},
                                        {32, 512, 4, 512, 3},
                                        {32, 64, 32, 128, 3, 2},
                                        {32, 64, 32, 128, 1, 2},
                                        {32, 3, 32, 64, 3},
                                        {64, 1, 28, 32, 5},
                                        {64, 32, 14, 64, 5},
                                        {32, 96, 16, 96, 3, 1, 96}})
    for (const ConvolutionPart part :
         {ConvolutionPart::kForward, ConvolutionPart::kData, ConvolutionPart::kWeights})
      cases.push_back(Case(sizes, part));
  return cases;
}

}  // namespace descent::bench
