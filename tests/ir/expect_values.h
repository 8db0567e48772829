// Values against stated ones, element by element.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <vector>

#include "ir/tensor.h"

namespace descent {

/// Within `tolerance` of the larger of 1 and the magnitude; NaNs and infinities are equal or not.
inline void ExpectNear(double got, double want, double tolerance, std::string_view what,
                       int64_t index) {
  if (std::isnan(want) || std::isinf(want)) {
    EXPECT_TRUE(std::isnan(want) ? std::isnan(got) : got == want)
        << what << " element " << index << ": " << got << ", not " << want;
  } else {
    EXPECT_NEAR(got, want, tolerance * std::max(1.0, std::fabs(want)))
        << what << " element " << index;
  }
}

inline void ExpectValues(const Tensor& got, const std::vector<double>& want,
                         std::string_view what) {
  ASSERT_EQ(got.elements(), static_cast<int64_t>(want.size())) << what;
  for (int64_t i = 0; i < got.elements(); ++i)
    ExpectNear(got.GetDouble(i), want[i], Info(got.dtype()).is_float ? 1e-6 : 0, what, i);
}

}  // namespace descent
