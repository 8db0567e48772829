// Small models, each with two neighbours that a rule of compiler/kernel/fusion_rules.h keeps apart.
#pragma once

#include <span>
#include <string>

#include "compiler/kernel/fusion_rules.h"

namespace descent {

struct FusionCase {
  Obstacle obstacle;
  FusionWay way;
  std::string value;  ///< that the writer hands on
  std::string text;   ///< statements of a model with the entry point run
};

std::span<const FusionCase> FusionCases();

/// `text` as a model.
std::string RunText(const std::string& text);

}  // namespace descent
