// Errors of the protobuf forms; round trips are in text_printer_test.cpp.
#include "ir/io/model_proto.h"

#include <gtest/gtest.h>

#include "ir/io/model_file.h"
#include "tests/ir/io/samples.h"

namespace descent {
namespace {

std::string ErrorOf(const std::string& text) {
  const auto model = ParseProtoText("format_version: 1\n" + text, "m.pbtxt");
  return model ? "none" : model.error().message;
}

/// A graph of one input x: f32[2] with more nodes behind it.
std::string WithNodes(const std::string& nodes) {
  return "inputs { name: 'x' type { dtype: F32 shape: 2 } }\ngraph {\n"
         "  nodes { op: 'input' types { dtype: F32 shape: 2 } }\n" +
         nodes + "\n  inputs { name: 'x' value { } }\n  outputs { name: 'x' value { } }\n}\n";
}

TEST(ParseProtoText, ReportsPlacesOfItsOwn) {
  const auto model = ParseProtoText("format_version: 1\nname: 'm'\ninputz { }\n", "m.pbtxt");
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().message,
            "Message type \"descent.proto.Model\" has no field named \"inputz\"");
  EXPECT_EQ(model.error().location.file, "m.pbtxt");
  EXPECT_EQ(model.error().location.line, 3);
}

TEST(ParseProtoText, ChecksWhatTheSchemaCannot) {
  EXPECT_EQ(ErrorOf(WithNodes("")), "none");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'negg' operands { } }")),
            "node 1: unknown operator 'negg'");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' names: 'y' operands { node: 1 } }")),
            "node 1 'y': there is no earlier value 1.0; operands stand before their users");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { node: -1 } }")),
            "node 1: there is no earlier value -1.0; operands stand before their users");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { result: 1 } }")),
            "node 1: there is no earlier value 0.1; operands stand before their users");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { } types { dtype: F32 shape: 3 } }")),
            "node 1: result 0 of neg is f32[2], not f32[3]");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { } types { dtype: F32 shape: -3 } }")),
            "node 1: [-3] is not a valid shape: extents are at least 0 and a tensor has at most "
            "1099511627776 elements");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { } types { } }")),
            "node 1: unknown element type number 0");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'input' types { dtype: F32 } }")),
            "node 1: an input must be listed among the inputs");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { } attributes { name: 'a' } }")),
            "node 1: attribute 'a': it has no value");
  EXPECT_EQ(ErrorOf(WithNodes("nodes { op: 'neg' operands { } section: 7 }")),
            "node 1: unknown section number 7");
  EXPECT_EQ(ErrorOf(WithNodes("outputs { name: 'z' value { node: 9 } }")),
            "output 'z': there is no earlier value 9.0; operands stand before their users");
}

TEST(ParseProtoText, ChecksTensors) {
  const auto slot = [](const std::string& tensor) {
    return ErrorOf("slots { name: 'w' type { dtype: F32 shape: 1 } initializer { data { " + tensor +
                   " } } }");
  };
  EXPECT_EQ(slot("type { dtype: F32 shape: 1000000 } data: 'abcd'"),
            "slot 'w': a tensor of f32[1000000] has 4000000 bytes, not 4");
  EXPECT_EQ(slot("type { dtype: BOOL shape: 1 } data: '\\002'"),
            "slot 'w': an element of a bool tensor is neither 0 nor 1");
}

TEST(ParseProtoText, NeedsAVersion) {
  EXPECT_EQ(ParseProtoText("name: 'm'", "m").error().message,
            "this is not a model: it has no format version");
}

TEST(ParseProtoText, WholeHyperparametersAreFloats) {
  const auto model = ParseProtoText(
      "format_version: 1 updates { loss: 'l' hyperparameters { name: 'rate' integer: 3 } "
      "schedule_parameters { name: 'at' integers { values: 1 values: 2 } } }",
      "m");
  ASSERT_TRUE(model.has_value());
  EXPECT_EQ(model->updates[0].hyperparameters.Float("rate"), 3.0);
  EXPECT_EQ(model->updates[0].schedule_parameters.Floats("at"), (std::vector<double>{1, 2}));
}

TEST(ParseBinary, RefusesUnknownFields) {
  const Model model = ModelFrom("input x: f32[2]\noutput x");
  std::string bytes = *SerializeBinary(model);
  ASSERT_TRUE(ParseBinary(bytes, "m.pb").has_value());
  bytes += "\x98\x06\x01";  // field 99, varint 1
  EXPECT_EQ(ParseBinary(bytes, "m.pb").error().message,
            "the file has fields that format version 1 does not define");
}

TEST(ParseBinary, LimitsBodies) {
  // A body in a body in a body ..., each one the attribute of a node.
  std::string message = "nodes { op: 'scan' }";
  for (int i = 0; i < 18; ++i)
    message = "nodes { op: 'scan' attributes { name: 'body' graph { " + message + " } } }";
  EXPECT_EQ(ErrorOf("graph { " + message + " }").substr(0, 6), "node 0");
  std::string deep = "nodes { op: 'scan' }";
  for (int i = 0; i < 1000; ++i)
    deep = "nodes { op: 'scan' attributes { name: 'body' graph { " + deep + " } } }";
  EXPECT_NE(ErrorOf("graph { " + deep + " }"), "none");
}

}  // namespace
}  // namespace descent
