#include "tests/ir/samples/samples.h"

namespace descent {
namespace {

constexpr std::string_view kSource = "formula of the cited paper on Philox words, in Python";

Attributes Slot(Shape shape, DType dtype = DType::kF32) {
  return {{"shape", std::move(shape)}, {"dtype", dtype}, {"stream", int64_t{2}}};
}

OpSample Stated(std::string_view op, Shape shape, std::vector<double> expected) {
  return {.op = op,
          .operands = {},
          .attributes = Slot(std::move(shape)),
          .expected = {std::move(expected)},
          .source = kSource};
}

}  // namespace

FamilySamples InitializerSamples() {
  FamilySamples family;
  family.samples = {
      Stated("zeros", {2, 1}, {0, 0}),
      Stated("ones", {3}, {1, 1, 1}),
      {.op = "constant_fill",
       .operands = {},
       .attributes = {{"shape", Shape{2}}, {"value", 0.25}},
       .expected = {{0.25, 0.25}}},
      Stated("glorot_uniform", {2, 3},
             {-0.23755737479158645, -0.9870878765224914, -0.45644417040323193, 0.9686959704996978,
              -0.794016740593749, -0.7458079820412873}),
      Stated("glorot_normal", {2, 3},
             {-0.16131866237159792, -0.00017985135674055322, -0.4770027112164045, 1.497770262790854,
              0.3404457184907938, 0.15562674012682226}),
      Stated("he_uniform", {2, 2, 3, 3},
             {-0.12520372988528017,  -0.5202409900916865,  -0.24056720053003822,
              0.5105476045010535,    -0.4184835667632206,  -0.3930753200640704,
              -0.48097589589808243,  -0.2117090060453437,  0.48545141268878167,
              0.3315328518674103,    -0.2969195366094758,  -0.5090090789295327,
              -0.35075313412689413,  -0.18187933941060813, 0.2854227160385011,
              0.16872637046227335,   -0.22772236341420315, 0.40620853608948193,
              -0.33121150553595147,  0.0900848223911287,   -0.26132993141542143,
              0.0036783108456814873, 0.26439080856234143,  0.29851883511110555,
              -0.08517563602781819,  0.11674018742954528,  0.369397828600987,
              -0.5349694439133184,   -0.5432440603292472,  0.3987538380386568,
              0.07954742950499805,   0.1384027431034256,   -0.10063405326591035,
              -0.09644829189509585,  -0.5454243838319854,  -0.37151311199166087}),
      Stated("he_normal", {2, 3},
             {-0.2550672010929747, -0.0002843699637858125, -0.7542075087596922, 2.3681827210440205,
              0.5382919450417051, 0.24606748181393995}),
      Stated("random_uniform", {3},
             {-0.01084296107292175, -0.04505419135093689, -0.020833730697631836}),
      Stated("random_normal", {3},
             {-0.012753360054648737, -1.4218498189290628e-05, -0.03771037543798461}),
      {.op = "zeros", .operands = {}, .attributes = Slot({17}, DType::kI64)},
      {.op = "ones", .operands = {}, .attributes = Slot({}, DType::kF64)},
  };
  for (const std::string_view op : {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal"})
    for (const Shape& shape : {Shape{}, Shape{5}, Shape{0, 3}, Shape{17, 9}, Shape{3, 2, 2, 2}})
      family.samples.push_back({.op = op, .operands = {}, .attributes = Slot(shape)});
  for (const std::string_view op : {"glorot_uniform", "glorot_normal", "he_uniform", "he_normal",
                                    "random_uniform", "random_normal"})
    family.errors.push_back(
        {op, {}, Slot({2}, DType::kI32), "dtype must be a float type, not i32"});
  for (const std::string_view op : {"zeros", "ones", "constant_fill"})
    family.errors.push_back({op, {}, Slot({-1}), "negative extent"});
  const std::vector<ErrorSample> more = {
      {"constant_fill", {F32({})}, {}, "takes 0 operands, not 1"},
      {"random_normal", {}, {{"stream", int64_t{-1}}}, "stream must be between"},
      {"random_uniform", {}, {{"low", kNaN}}, "low must be finite in f32, not nan"},
      {"random_uniform", {}, {{"dtype", DType::kF16}, {"high", 7e4}}, "high must be finite in f16"},
      {"random_normal", {}, {{"std", kInfinity}}, "std must be finite in f32, not inf"},
  };
  family.errors.insert(family.errors.end(), more.begin(), more.end());
  return family;
}

}  // namespace descent
