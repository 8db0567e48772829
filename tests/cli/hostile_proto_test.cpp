// Models that are wrong on purpose, in both protobuf forms, which can say what the text form has no
// words for: refused in little memory and time.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/cli/limited.h"

namespace descent::test {
namespace {

struct Hostile {
  std::string name;
  std::string message;  ///< in protobuf's text form, behind the version
  std::string rule;
};

std::ostream& operator<<(std::ostream& stream, const Hostile& model) {
  return stream << model.name;
}

/// A graph of the input x: f32[2, 3], which is its output, too, and more nodes.
Hostile WithNodes(std::string name, const std::string& nodes, std::string rule) {
  return {std::move(name),
          "inputs { name: 'x' type { dtype: F32 shape: 2 shape: 3 } }\ngraph {\n"
          "  nodes { op: 'input' types { dtype: F32 shape: 2 shape: 3 } }\n" +
              nodes + "\n  inputs { name: 'x' value { } }\n  outputs { name: 'x' value { } }\n}\n",
          std::move(rule)};
}

/// A sum with these attributes.
Hostile WithSum(std::string name, const std::string& attributes, std::string rule) {
  return WithNodes(std::move(name),
                   "nodes { op: 'sum' names: 'y' operands { } " + attributes + " }",
                   std::move(rule));
}

/// A parameter w beside it.
Hostile WithParameter(std::string name, const std::string& initializer, std::string rule) {
  Hostile model = WithNodes(std::move(name), "", std::move(rule));
  model.message +=
      "slots { name: 'w' type { dtype: F32 shape: 1 } initializer { " + initializer + " } }\n";
  return model;
}

class HostileProto : public testing::TestWithParam<Hostile> {};

TEST_P(HostileProto, IsRefusedInBothForms) {
  const Shell shell;
  shell.Write("m.pbtxt", "format_version: 1\n" + GetParam().message);
  const Outcome encoded = shell.Run("protoc -I " DESCENT_SOURCE_DIR
                                    "/ir --encode=descent.proto.Model "
                                    "graph.proto <m.pbtxt >m.pb");
  ASSERT_EQ(encoded.status, 0) << encoded.err;
  for (const std::string form : {"pbtxt", "pb"})
    for (const char* command : {"check m.", "compile --emit obj -o made.o m.", "inspect m."})
      EXPECT_EQ(WhyNotRefused(shell, "descent " + (command + form), {"m." + form, GetParam().rule}),
                "");
}

INSTANTIATE_TEST_SUITE_P(
    All, HostileProto,
    testing::Values(
        WithNodes("NegativeDimension",
                  "nodes { op: 'neg' operands { } types { dtype: F32 shape: -3 } }",
                  "node 1: [-3] is not a valid shape"),
        WithNodes("ProductWraps",
                  "nodes { op: 'neg' operands { } types { dtype: F32 shape: 4294967296 shape: "
                  "4294967296 } }",
                  "node 1: [4294967296, 4294967296] is not a valid shape"),
        WithNodes("UnknownType", "nodes { op: 'neg' operands { } types { dtype: 99 } }",
                  "node 1: unknown element type number 99"),
        WithNodes("UnknownOperator", "nodes { op: 'frobnicate' operands { } }",
                  "node 1: unknown operator 'frobnicate'"),
        WithNodes("OwnOperand", "nodes { op: 'neg' names: 'y' operands { node: 1 } }",
                  "node 1 'y': there is no earlier value 1.0"),
        WithNodes("Cycle",
                  "nodes { op: 'neg' operands { node: 2 } }\n"
                  "nodes { op: 'abs' operands { node: 1 } }",
                  "node 1: there is no earlier value 2.0"),
        WithNodes("NegativeOperand", "nodes { op: 'neg' operands { node: -2147483648 } }",
                  "node 1: there is no earlier value -2147483648.0"),
        WithNodes("NoSuchResult", "nodes { op: 'neg' operands { result: 2147483647 } }",
                  "node 1: there is no earlier value 0.2147483647"),
        WithNodes("WrongPayload",
                  "nodes { op: 'constant' attributes { name: 'value' tensor { type { dtype: F32 "
                  "shape: 1000000000000 } data: 'abcd' } } }",
                  "a tensor of f32[1000000000000] has 4000000000000 bytes, not 4"),
        WithNodes("SecondInput", "nodes { op: 'input' types { dtype: F32 } }",
                  "node 1: an input must be listed among the inputs"),
        WithSum("UnknownAttribute", "attributes { name: 'axises' integer: 1 }", "axises"),
        WithSum("AttributeTwice",
                "attributes { name: 'axes' integers { values: 0 } } "
                "attributes { name: 'axes' integers { values: 1 } }",
                "axes"),
        WithSum("AttributeOfAnotherKind", "attributes { name: 'axes' text: 'all' }", "axes"),
        WithSum("AttributeWithoutValue", "attributes { name: 'axes' }",
                "attribute 'axes': it has no value"),
        WithSum("AxisOutOfRange", "attributes { name: 'axes' integers { values: 9 } }",
                "axis 9 is out of range for rank 2"),
        WithSum("LowestAxis",
                "attributes { name: 'axes' integers { values: -9223372036854775808 } }",
                "axis -9223372036854775808 is out of range for rank 2"),
        WithSum("AxesLongerThanTheRank",
                "attributes { name: 'axes' integers { values: [0, 1, 0, 1] } }", "is given twice"),
        Hostile{"InputTwice",
                "inputs { name: 'x' type { dtype: F32 } }\ninputs { name: 'x' type { dtype: F32 } "
                "}\ngraph {\n  nodes { op: 'input' types { dtype: F32 } }\n  inputs { name: 'x' "
                "value { } }\n  outputs { name: 'x' value { } }\n}\n",
                "V3: two inputs or slots are named 'x'"},
        Hostile{"NegativeBatch", "batch: -5\n" + WithNodes("", "", "").message, "V9"},
        Hostile{"LowestBatch", "batch: -9223372036854775808\n" + WithNodes("", "", "").message,
                "V9"},
        WithParameter("ParameterPayload", "data { type { dtype: F32 shape: 1 } data: 'abc' }",
                      "slot 'w': a tensor of f32[1] has 4 bytes, not 3"),
        WithParameter("FileAbove", "file: '../w.safetensors'",
                      "V11: parameter 'w': file '../w.safetensors'"),
        WithParameter("FileElsewhere", "file: '/etc/passwd'",
                      "V11: parameter 'w': file '/etc/passwd'"),
        WithParameter("FileWithNul", "file: 'w\\000/../../x'",
                      "V11: parameter 'w': file 'w\\x00/../../x'"),
        Hostile{"ModelNameWithNul", "name: 'a\\000b'\n" + WithNodes("", "", "").message,
                "the name 'a\\x00b' of the model"},
        WithNodes("ValueNameWithNewline",
                  "nodes { op: 'neg' names: 'a\\nb' operands { } }\n  "
                  "outputs { name: 'y' value { node: 1 } }",
                  "the name 'a\\x0ab' of a value"),
        WithNodes("OperatorWithNul", "nodes { op: 'neg\\000' operands { } }",
                  "unknown operator 'neg\\x00'")),
    [](const testing::TestParamInfo<Hostile>& info) { return info.param.name; });

// ---- bytes that no protobuf library writes
// -------------------------------------------------------

std::string Varint(uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
  return bytes + static_cast<char>(value);
}

/// Messages in messages: `fields` in turn, from the outermost.
std::string Nested(const std::vector<int>& fields, int times) {
  std::vector<std::string> heads;
  size_t size = 0;
  for (int i = times * static_cast<int>(fields.size()) - 1; i >= 0; --i) {
    const int field = fields[static_cast<size_t>(i) % fields.size()];
    heads.push_back(Varint(static_cast<uint64_t>(field) << 3 | 2) + Varint(size));
    size += heads.back().size();
  }
  std::string bytes;
  for (auto head = heads.rbegin(); head != heads.rend(); ++head) bytes += *head;
  return bytes;
}

std::string Repeated(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(HostileBytes, AreRefused) {
  const std::string version = "\x08\x01";
  // Model.graph 9, Graph.nodes 1, Node.attributes 3, Attribute.graph 10; group 99, which is
  // unknown.
  const std::pair<const char*, std::string> files[] = {
      {"bodies", version + Varint(9 << 3 | 2) + Varint(1 << 20) + Nested({1, 3, 10}, 100000)},
      {"whole", version + Nested({9, 1, 3, 10}, 1) + Nested({1, 3, 10}, 100000)},
      {"groups", version + Repeated(Varint(99 << 3 | 3), 100000)},
      {"length", version + Varint(2 << 3 | 2) + Varint(0x7fffffff)},
      {"lengths", version + Varint(2 << 3 | 2) + std::string(20, '\xff')},
      {"varint", version + Repeated("\xff", 100000)},
      {"noise", std::string("\0\1\2\3\4\5\6\7", 8)},
  };
  for (const auto& [name, bytes] : files) {
    const Shell shell;
    shell.Write("m.pb", bytes);
    EXPECT_EQ(WhyNotRefused(shell, "descent check m.pb", {"m.pb"}), "") << name;
  }
}

TEST(HostileBytes, DeepText) {
  const std::string version = "format_version: 1\n";
  const std::string body = "nodes { op: 'scan' attributes { name: 'body' graph { ";
  for (const std::string& text :
       {version + "graph { " + Repeated(body, 100000), version + Repeated("graph { ", 100000),
        version + "batch: " + Repeated("[", 100000), version + Repeated("{", 100000),
        version + "name: " + Repeated("'m' ", 100000) + Repeated("-", 100000)}) {
    const Shell shell;
    shell.Write("m.pbtxt", text);
    EXPECT_EQ(WhyNotRefused(shell, "descent check m.pbtxt", {"m.pbtxt"}), "") << text.substr(0, 80);
  }
}

}  // namespace
}  // namespace descent::test
