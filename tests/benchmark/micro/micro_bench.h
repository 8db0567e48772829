// A small graph, compiled and timed on one thread beside other libraries that compute the same.
//
//   GraphCase{.name = "matmul/64", .body = "input a: f32[64, 64] ... output y",
//             .peers = {OpenBlasMatmul(64, 64, 64)}}
//
// Rounds go through Descent and all peers in turn, and a ratio is the median of those of the
// rounds. What a peer gives is compared with what Descent gives before anything is timed.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace descent::bench {

/// What the inputs that a graph reads hold, by name; integers as floats. What arrives at output y
/// is "cotangent.y".
using Inputs = std::map<std::string, std::vector<float>>;

/// Another library's work. It keeps its own copy of the inputs, in the layout that it likes best.
struct Peer {
  std::string name;
  std::function<void()> run;
  std::function<std::vector<float>()> result;  ///< row-major, of the graph's first output
};
/// Null where the library was not there when this was built, or cannot do this on this CPU.
using PeerMaker = std::function<std::optional<Peer>(const Inputs&)>;

struct GraphCase {
  std::string name;  ///< "group/what/sizes"
  std::string body;  ///< statements of a model in text IR
  std::string gradient =
      {};                 ///< "x": what is timed is the gradient of x, of a last input that arrives
  bool positive = false;  ///< inputs are above 0
  std::vector<PeerMaker> peers = {};
};

std::vector<GraphCase> ContractionCases();
std::vector<GraphCase> ConvolutionCases();
std::vector<GraphCase> ElementwiseCases();
std::vector<GraphCase> RowCases();
std::vector<GraphCase> AttentionCases();
std::vector<GraphCase> TableCases();
std::vector<GraphCase> OptimizerCases();

}  // namespace descent::bench
