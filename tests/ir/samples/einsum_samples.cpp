#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

/// Values stated by PyTorch 1.13 in float64 on the generated operands.
std::vector<OpSample> StatedSums() {
  return {
      {.op = "einsum",
       .operands = {F64({2, 3}), F64({3, 2})},
       .attributes = {{"equation", std::string("ij,jk->ik")}},
       .expected = {{0.119847543, -3.486950207, 1.742358384, -3.858228126}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 3})},
       .attributes = {{"equation", std::string("ij->ji")}},
       .expected = {{0.472135955, -0.11145618, -1.05572809, -1.639320225, 1.416407865, 0.83281573}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({3, 3})},
       .attributes = {{"equation", std::string("ii")}},
       .expected = {{-0.917960675}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({3, 3})},
       .attributes = {{"equation", std::string("ii->i")}},
       .expected = {{0.472135955, -1.639320225, 0.249223595}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 3})},
       .attributes = {{"equation", std::string("ij->")}},
       .expected = {{-0.085144945}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({4}), F64({4})},
       .attributes = {{"equation", std::string("i,i")}},
       .expected = {{-3.002879771}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2}), F64({3})},
       .attributes = {{"equation", std::string("i,j")}},
       .expected = {{-0.883371001, 0.283813269, -0.437546281, 1.975277608, -0.634625762,
                     0.978383228}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 2, 3}), F64({2, 2, 3})},
       .attributes = {{"equation", std::string("bij,bkj->bik")}},
       .expected = {{-2.830635607, -1.428116496, -1.548704546, -1.458814636, -1.199396906,
                     -1.976311475, -2.542724245, -2.297899475}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 1, 2, 3}), F64({3, 2})},
       .attributes = {{"equation", std::string("...ij,jk->...ik")}},
       .expected = {{0.119847543, -3.486950207, 1.742358384, -3.858228126, -0.342082356,
                     1.952086194, 1.280428484, 1.580808274}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 1, 3}), F64({4, 3})},
       .attributes = {{"equation", std::string("...i,...i->...")}},
       .expected = {{-2.830635607, -1.428116496, 3.751490254, 3.265465544, -1.548704546,
                     -1.458814636, 2.408162914, 2.943877544}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 4}), F64({4, 3}), F64({3, 5}), F64({5, 2})},
       .attributes = {{"equation", std::string("ab,bc,cd,de->ae")}},
       .expected = {{-6.368681097, 7.316337901, 18.094647453, -0.688293397}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({1, 2, 2, 3}), F64({1, 3, 2, 3})},
       .attributes = {{"equation", std::string("bqhd,bkhd->bhqk")}},
       .expected = {{-2.830635607, 3.751490254, 2.779440834, 2.137731114, -1.199396906,
                     -2.753226045, -1.458814636, 2.943877544, -2.541974096, -1.450074856,
                     -2.297899475, 2.965732086}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 2, 3}), F64({3, 2})},
       .attributes = {{"equation", std::string("iij,jk->ik")}},
       .expected = {{0.119847543, -3.486950207, 1.280428484, 1.580808274}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 3, 2}), F64({2, 2, 3}), F64({2})},
       .attributes = {{"equation", std::string("ijk,ilj,k->li")}},
       .expected = {{-2.298275538, -3.441891135, 4.344897541, -3.181640507}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 3}), F64({1, 3})},
       .attributes = {{"equation", std::string("ij,ij->ij")}},
       .expected = {{-0.883371001, -0.634625762, -1.312638843, 0.208535606, -0.985438255,
                     -0.771801897}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 3, 2, 3})},
       .attributes = {{"equation", std::string("abab->ab")}},
       .expected = {{0.472135955, 1.77708764, -0.917960675, 0.38699101, 1.691942695, -1.00310562}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({3, 2})},
       .attributes = {{"equation", std::string("i...->...")}},
       .expected = {{0.249223595, -0.33436854}},
       .source = "torch.einsum"},
      {.op = "einsum",
       .operands = {F64({2, 2, 2}), F64({2, 2})},
       .attributes = {{"equation", std::string("bij,kl->bikl")}},
       .expected = {{1.091906607, -0.350812493, 0.540836947, -0.901882153, -2.441577398,
                     0.784440582, -1.209348178, 2.016669802, 1.508977818, -0.484810942, 0.747418278,
                     -1.246370482, -2.024506186, 0.650442134, -1.002766846, 1.672181474}},
       .source = "torch.einsum"},
  };
}

OpSample Einsum(std::string equation, std::vector<TensorType> operands) {
  return {.op = "einsum",
          .operands = std::move(operands),
          .attributes = {{"equation", std::move(equation)}}};
}

}  // namespace

FamilySamples EinsumSamples() {
  FamilySamples family;
  family.samples = StatedSums();
  for (const int64_t size : kSampleSizes) {
    family.samples.push_back(Einsum("ij,jk->ik", {F32({3, size}), F32({size, 2})}));
    family.samples.push_back(Einsum("bi,bj->bij", {F32({2, size}), F32({2, 3})}));
    family.samples.push_back(Einsum("iij->j", {F32({size, size, 2})}));
  }
  const std::vector<OpSample> sums = {
      Einsum("ba", {F32({2, 3})}),
      Einsum("ij , jk", {I32({2, 3}), I32({3, 2})}),
      Einsum("...ij->...ji", {F32({2, 3, 2, 2})}),
      Einsum("i...,i...->i", {F32({3, 2, 2}), F32({3, 2, 1})}),
      Einsum("aij,bjk,ckl,dlm->abcdim",
             {F32({1, 2, 2}), F32({2, 2, 2}), F32({1, 2, 3}), F32({2, 3, 1})}),
      Einsum("aabb,b->a", {F32({2, 2, 3, 3}), F32({3})}),
      Einsum(",i->i", {F32({}), F32({3})}),
      Einsum("i,i,i,i,i,i,i,i,i,i->i", std::vector<TensorType>(10, F32({3}))),
      Einsum("ab,bc,cd,de,ef,fg,gh,hi,ij->aj", std::vector<TensorType>(9, F32({2, 2}))),
  };
  family.samples.insert(family.samples.end(), sums.begin(), sums.end());
  const TensorType x = F32({2, 3});
  const auto equation = [](const char* text) {
    return Attributes{{"equation", std::string(text)}};
  };
  family.errors = {
      {"einsum", {}, equation("->"), "takes 1 to 32 operands, not 0"},
      {"einsum", std::vector<TensorType>(33, F32({})), equation(""), "takes 1 to 32 operands"},
      {"einsum", {x}, equation("i1->i"), "takes letters"},
      {"einsum", {x}, equation("......"), "takes letters"},
      {"einsum", {x}, {{"equation", std::string(2000, 'a')}}, "the equation is too long"},
      {"einsum", {x}, equation("ij,jk->ik"), "has 2 operands, but 1 are given"},
      {"einsum", {x}, equation("i->i"), "names 1 axes of operand 0, which is [2, 3]"},
      {"einsum", {x}, equation("...ijk"), "names 3 axes of operand 0"},
      {"einsum", {x}, equation("ij->ik"), "letter k of the result is in no operand"},
      {"einsum", {x}, equation("ij->ii"), "letter i stands twice in the result"},
      {"einsum", {x}, equation("ii->i"), "extents 2 and 3 under one letter"},
      {"einsum", {x, x}, equation("ij,jk->ik"), "extents 3 and 2 stand under one letter"},
      {"einsum",
       {F32(Shape(9, 2)), F32(Shape(9, 2))},
       equation("...,abcdefghi->...abcdefghi"),
       "rank 18"},
      {"einsum", std::vector<TensorType>(6, F32({32768, 32768})), equation("ab,ac,ad,bc,bd,cd->"),
       "an intermediate result of 3 axes"},
  };
  return family;
}

}  // namespace descent
