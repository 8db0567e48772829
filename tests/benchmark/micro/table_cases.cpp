// Rows of a table by number, and the gradient of the table.

#include <fmt/format.h>

#include <algorithm>

#include "tests/benchmark/micro/peers.h"

namespace descent::bench {
namespace {

struct Sizes {
  int64_t rows, width, ids;
};

std::string Body(const Sizes& s) {
  return fmt::format(
      "input table: f32[{}, {}]\ninput id: i32[{}]\ny = embedding(table, id)\noutput y", s.rows,
      s.width, s.ids);
}

GraphCase Forward(const Sizes& s) {
  return {.name = fmt::format("table/embedding/{}x{}/{}", s.rows, s.width, s.ids),
          .body = Body(s),
          .peers = {Loop(s.ids * s.width, [s](const Inputs& inputs, float* y) {
            for (int64_t i = 0; i < s.ids; ++i)
              std::copy_n(
                  inputs.at("table").data() + static_cast<int64_t>(inputs.at("id")[i]) * s.width,
                  s.width, y + i * s.width);
          })}};
}

GraphCase Gradient(const Sizes& s) {
  return {.name = fmt::format("table/embedding_gradient/{}x{}/{}", s.rows, s.width, s.ids),
          .body = Body(s),
          .gradient = "table",
          .peers = {Loop(s.rows * s.width, [s](const Inputs& inputs, float* y) {
            std::fill_n(y, s.rows * s.width, 0.0F);
            const float* arriving = inputs.at("cotangent.y").data();
            const float* id = inputs.at("id").data();
            for (int64_t i = 0; i < s.ids; ++i) {
              float* row = y + static_cast<int64_t>(id[i]) * s.width;
              for (int64_t j = 0; j < s.width; ++j) row[j] += arriving[i * s.width + j];
            }
          })}};
}

}  // namespace

std::vector<GraphCase> TableCases() {
  std::vector<GraphCase> cases;
  for (const Sizes& sizes : {Sizes{65, 128, 768}, {50257, 768, 256}}) {
    cases.push_back(Forward(sizes));
    cases.push_back(Gradient(sizes));
  }
  return cases;
}

}  // namespace descent::bench
