// "Did you mean": the known name nearest to one that is not known.
//
//   ClosestName("sigmiod", names)  ->  "sigmoid"
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace descent {

/// The candidate that is the same but for capitals, that a name used elsewhere means here (xavier,
/// float32), or that lies within a third of the name's length in edits (swaps count once); or "".
std::string ClosestName(std::string_view name, std::span<const std::string_view> candidates);

/// "did you mean 'sigmoid'?", or "" when nothing is near.
std::string DidYouMean(std::string_view name, std::span<const std::string_view> candidates);

/// A hint that says what there is, behind the nearest: "did you mean 'sgd'? there are sgd, adam".
std::string SuggestionAmong(std::string_view name, std::span<const std::string_view> candidates,
                            std::string_view there_are);

}  // namespace descent
