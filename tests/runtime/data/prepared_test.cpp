#include "runtime/data/prepared.h"

#include <gtest/gtest.h>

#include <cmath>

namespace descent::runtime {
namespace {

/// An input with its own dims.
struct Input {
  std::vector<int64_t> dims;
  descent_input abi;
  Input(const char* name, const char* column, int32_t dtype, std::vector<int64_t> shape,
        int32_t normalization = DESCENT_NORMALIZE_NONE, double scale = 1, int64_t index_limit = 0)
      : dims(std::move(shape)),
        abi{.tensor = {name, dtype, static_cast<int32_t>(dims.size()), dims.data()},
            .batch_axis = 0,
            .normalization = normalization,
            .scale = scale,
            .column = column,
            .index_limit = index_limit} {}
  Input In(double lowest, double highest) && {
    abi.lowest = lowest;
    abi.highest = highest;
    return std::move(*this);
  }
};

Dataset Table() {
  Dataset data = {.origin = "table", .rows = 3};
  data.columns.push_back(MakeColumn<double>("a", ColumnRole::kFeature, DESCENT_F64, {}, {1, 2, 6}));
  data.columns.push_back(MakeColumn<double>("b", ColumnRole::kFeature, DESCENT_F64, {}, {5, 5, 5}));
  data.columns.push_back(
      MakeColumn<double>("label", ColumnRole::kLabel, DESCENT_F64, {}, {2, 0, 1}));
  data.columns.push_back(
      MakeColumn<uint8_t>("image", ColumnRole::kOther, DESCENT_U8, {2}, {0, 255, 51, 102, 0, 0}));
  return data;
}

template <typename T>
Result<std::vector<T>> Values(const Dataset& data, const Input& input,
                              const Normalizations& normalizations = {}) {
  auto prepared = Prepare(data, {&input.abi}, normalizations);
  if (!prepared) return std::unexpected(prepared.error());
  const PreparedInput& values = prepared->inputs.begin()->second;
  std::vector<T> all(static_cast<size_t>(data.rows * values.row_elements()));
  for (int64_t row = 0; row < data.rows; ++row) {
    values.Copy(row, 0, values.row_elements(),
                reinterpret_cast<std::byte*>(all.data() + row * values.row_elements()));
  }
  return all;
}

std::string ErrorOf(const Dataset& data, const Input& input) {
  auto prepared = Prepare(data, {&input.abi}, {});
  return prepared ? "accepted" : prepared.error().ToString();
}

TEST(Prepared, FeaturesAreConcatenated) {
  EXPECT_EQ(*Values<float>(Table(), Input("x", "features", DESCENT_F32, {8, 2})),
            (std::vector<float>{1, 5, 2, 5, 6, 5}));
  EXPECT_EQ(*Values<double>(Table(), Input("x", "b", DESCENT_F64, {8})),
            (std::vector<double>{5, 5, 5}));
}

TEST(Prepared, NarrowTypes) {
  // 1, 2 and 6 as the upper halves of floats, and as IEEE 754 binary16.
  EXPECT_EQ(*Values<uint16_t>(Table(), Input("x", "a", DESCENT_BF16, {8})),
            (std::vector<uint16_t>{0x3f80, 0x4000, 0x40c0}));
  EXPECT_EQ(*Values<uint16_t>(Table(), Input("x", "a", DESCENT_F16, {8})),
            (std::vector<uint16_t>{0x3c00, 0x4000, 0x4600}));
  EXPECT_EQ(*Values<int8_t>(Table(), Input("x", "a", DESCENT_I8, {8})),
            (std::vector<int8_t>{1, 2, 6}));
  EXPECT_EQ(*Values<uint64_t>(Table(), Input("x", "label", DESCENT_U64, {8})),
            (std::vector<uint64_t>{2, 0, 1}));
  Dataset data = Table();
  data.columns[0] = MakeColumn<double>("a", ColumnRole::kFeature, DESCENT_F64, {},
                                       {1, 128, 18446744073709551616.0});
  EXPECT_EQ(ErrorOf(data, Input("x", "a", DESCENT_I8, {8})),
            "table: row 2 of column 'a' holds 128; input 'x' takes numbers of type i8");
  EXPECT_EQ(ErrorOf(data, Input("x", "a", DESCENT_U64, {8})),
            "table: row 3 of column 'a' holds 1.8446744073709552e+19; input 'x' takes numbers of "
            "type u64");
  data.columns[0] =
      MakeColumn<double>("a", ColumnRole::kFeature, DESCENT_F64, {}, {1, 65504, 70000});
  EXPECT_EQ(ErrorOf(data, Input("x", "a", DESCENT_F16, {8})),
            "table: row 3 of column 'a' holds 70000; input 'x' takes numbers within the range of "
            "f16");
}

TEST(Prepared, ColumnsThatInputsNameAreNoFeatures) {
  Input x("x", "features", DESCENT_F32, {8, 1}), b("b", "b", DESCENT_I64, {8});
  Dataset data = Table();
  auto prepared = Prepare(data, {&x.abi, &b.abi}, {});
  ASSERT_TRUE(prepared) << prepared.error().ToString();
  EXPECT_EQ(prepared->inputs.find("x")->second.row_elements(), 1);
}

TEST(Prepared, Labels) {
  EXPECT_EQ(*Values<int64_t>(Table(), Input("y", "label", DESCENT_I64, {8}, 0, 1, 3)),
            (std::vector<int64_t>{2, 0, 1}));
  EXPECT_EQ(*Values<uint8_t>(Table(), Input("y", "label", DESCENT_U8, {8}, 0, 1, 3)),
            (std::vector<uint8_t>{2, 0, 1}));
  EXPECT_EQ(*Values<float>(Table(), Input("y", "label", DESCENT_F32, {8, 1})),
            (std::vector<float>{2, 0, 1}));
  EXPECT_EQ(*Values<float>(Table(), Input("y", "label", DESCENT_F32, {8, 3})),
            (std::vector<float>{0, 0, 1, 1, 0, 0, 0, 1, 0}));
}

TEST(Prepared, RefusesValuesOutsideTheirRange) {
  const auto probability = [](int32_t dtype) {
    return Input("y", "label", dtype, {8, 1}).In(0, 1);
  };
  for (const int32_t dtype : {DESCENT_F32, DESCENT_F64, DESCENT_BF16, DESCENT_I64})
    EXPECT_EQ(ErrorOf(Table(), probability(dtype)),
              "table: row 1 of column 'label' holds 2; input 'y' takes numbers from 0 to 1 (write "
              "two classes as 0 and 1, or as names; scale other numbers)");
  Dataset data = Table();
  data.columns[2] = MakeColumn<double>("label", ColumnRole::kLabel, DESCENT_F64, {}, {0, 0.25, 1});
  EXPECT_EQ(ErrorOf(data, probability(DESCENT_F32)), "accepted");
  EXPECT_EQ(ErrorOf(data, probability(DESCENT_F64)), "accepted");
  data.columns[2] = MakeColumn<double>("label", ColumnRole::kLabel, DESCENT_F64, {}, {0, -1, 1});
  EXPECT_NE(ErrorOf(data, probability(DESCENT_F32)), "accepted");
  // Bytes are read through a table, which holds what comes of them.
  data.columns[2] = MakeColumn<uint8_t>("label", ColumnRole::kLabel, DESCENT_U8, {}, {0, 255, 1});
  EXPECT_NE(ErrorOf(data, probability(DESCENT_F32)), "accepted");
  EXPECT_EQ(
      ErrorOf(data,
              Input("y", "label", DESCENT_F32, {8, 1}, DESCENT_NORMALIZE_SCALE, 1 / 255.).In(0, 1)),
      "accepted");
}

TEST(Prepared, NamesTheNumberOfARow) {
  Dataset data = Table();
  data.columns[2] =
      MakeColumn<int64_t>("label", ColumnRole::kLabel, DESCENT_I64, {2}, {0, 1, 1, 7, 2, 2});
  EXPECT_EQ(ErrorOf(data, Input("y", "label", DESCENT_I64, {8, 2}, 0, 1, 3)),
            "table: number 2 of row 2 of column 'label' holds 7; input 'y' takes whole numbers "
            "from 0 to 2");
  EXPECT_EQ(ErrorOf(data, Input("y", "label", DESCENT_I32, {8, 2}, 0, 1, 3)),
            "table: number 2 of row 2 of column 'label' holds 7; input 'y' takes whole numbers "
            "from 0 to 2");
}

TEST(Prepared, RefusesBadLabels) {
  EXPECT_EQ(ErrorOf(Table(), Input("y", "label", DESCENT_I64, {8}, 0, 1, 2)),
            "table: row 1 of column 'label' holds 2; input 'y' takes whole numbers from 0 to 1");
  EXPECT_EQ(ErrorOf(Table(), Input("y", "label", DESCENT_F32, {8, 2})),
            "table: row 1 of column 'label' holds 2; input 'y' takes class numbers from 0 to 1");
  Dataset data = Table();
  data.columns[2] = MakeColumn<float>("label", ColumnRole::kLabel, DESCENT_F32, {}, {0, 1, 0.5f});
  EXPECT_EQ(ErrorOf(data, Input("y", "label", DESCENT_I64, {8}, 0, 1, 2)),
            "table: row 3 of column 'label' holds 0.5; input 'y' takes whole numbers from 0 to 1");
  data.columns[2] = MakeColumn<float>("label", ColumnRole::kLabel, DESCENT_F32, {}, {0, 1, NAN});
  EXPECT_NE(ErrorOf(data, Input("y", "label", DESCENT_F32, {8, 2})), "accepted");
  EXPECT_NE(ErrorOf(data, Input("y", "label", DESCENT_F32, {8, 1})), "accepted");
  // Used without a copy: the range is checked all the same.
  data.columns[2] = MakeColumn<int64_t>("label", ColumnRole::kLabel, DESCENT_I64, {}, {0, -1, 1});
  EXPECT_EQ(ErrorOf(data, Input("y", "label", DESCENT_I64, {8}, 0, 1, 2)),
            "table: row 2 of column 'label' holds -1; input 'y' takes whole numbers from 0 to 1");
  data.columns[2] = MakeColumn<double>("label", ColumnRole::kLabel, DESCENT_F64, {}, {0, 1, 300});
  EXPECT_NE(ErrorOf(data, Input("y", "label", DESCENT_U8, {8})), "accepted");
  data.columns[2].values = MakeColumn<double>("", {}, DESCENT_F64, {}, {0, 1, 0x1p63}).values;
  EXPECT_NE(ErrorOf(data, Input("y", "label", DESCENT_I64, {8})), "accepted");
  data.columns[2].class_names = {"a", "b", "c"};
  EXPECT_EQ(ErrorOf(data, Input("y", "label", DESCENT_F32, {8, 1})),
            "table: column 'label' has 3 classes, but input 'y' takes one number a row");
}

TEST(Prepared, RefusesOtherShapesAndColumns) {
  EXPECT_EQ(ErrorOf(Table(), Input("x", "features", DESCENT_F32, {8, 3})),
            "table: a row of features (a, b) is 2 numbers, but input 'x' is [8, 3]: 3 a row");
  EXPECT_EQ(ErrorOf(Table(), Input("x", "c", DESCENT_F32, {8, 3})),
            "table: input 'x' is fed from 'c', which the data does not have (its columns are a, b, "
            "label, image)");
}

TEST(Prepared, ImagesAreReadThroughATable) {
  auto scaled = Values<float>(
      Table(), Input("x", "image", DESCENT_F32, {8, 1, 2}, DESCENT_NORMALIZE_SCALE, 1 / 255.0));
  ASSERT_TRUE(scaled);
  EXPECT_EQ(*scaled, (std::vector<float>{0, 1, 0.2f, 0.4f, 0, 0}));
  EXPECT_EQ(*Values<float>(Table(), Input("x", "image", DESCENT_F32, {8, 2})),
            (std::vector<float>{0, 255, 51, 102, 0, 0}));
}

TEST(Prepared, NormalizationIsFittedOnTheGivenRows) {
  Input standardize("x", "features", DESCENT_F32, {8, 2}, DESCENT_NORMALIZE_STANDARDIZE);
  Dataset data = Table();
  auto fitted = FitNormalizations(data, {&standardize.abi}, {0, 1});
  ASSERT_TRUE(fitted);
  EXPECT_EQ(fitted->at("x").shift, (std::vector<double>{1.5, 5}));
  EXPECT_EQ(fitted->at("x").factor, (std::vector<double>{2, 1}));  // deviation 0.5; no spread
  EXPECT_EQ(*Values<float>(data, standardize, *fitted), (std::vector<float>{-1, 0, 1, 0, 9, 0}));
  EXPECT_FALSE(Prepare(data, {&standardize.abi}, {}));

  Input min_max("x", "features", DESCENT_F64, {8, 2}, DESCENT_NORMALIZE_MIN_MAX);
  auto range = FitNormalizations(data, {&min_max.abi}, {0, 2});
  EXPECT_EQ(*Values<double>(data, min_max, *range), (std::vector<double>{0, 0, 0.2, 0, 1, 0}));
}

TEST(Prepared, ChannelsShareTheirNumbers) {
  Dataset data = {.origin = "table", .rows = 2};
  data.columns.push_back(MakeColumn<float>("features", ColumnRole::kFeature, DESCENT_F32, {2, 2},
                                           {1, 3, 10, 10, 1, 3, 30, 30}));
  Input images("x", "features", DESCENT_F32, {8, 2, 2}, DESCENT_NORMALIZE_MIN_MAX);
  auto fitted = FitNormalizations(data, {&images.abi}, {0, 1});
  EXPECT_EQ(fitted->at("x").shift, (std::vector<double>{1, 10}));
  EXPECT_EQ(*Values<float>(data, images, *fitted), (std::vector<float>{0, 1, 0, 0, 0, 1, 1, 1}));
}

}  // namespace
}  // namespace descent::runtime
