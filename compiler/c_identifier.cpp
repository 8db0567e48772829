#include "compiler/c_identifier.h"

#include <fmt/format.h>

#include <algorithm>

namespace descent {
namespace {

// Keywords of C23 and C++23 that are lower-case words, with the alternative operators and the
// macros of <stdint.h>'s neighbours that headers of C libraries define in lower case.
constexpr std::string_view kReserved[] = {"alignas",
                                          "alignof",
                                          "and",
                                          "and_eq",
                                          "asm",
                                          "auto",
                                          "bitand",
                                          "bitor",
                                          "bool",
                                          "break",
                                          "case",
                                          "catch",
                                          "char",
                                          "char16_t",
                                          "char32_t",
                                          "char8_t",
                                          "class",
                                          "co_await",
                                          "co_return",
                                          "co_yield",
                                          "compl",
                                          "complex",
                                          "concept",
                                          "const",
                                          "const_cast",
                                          "consteval",
                                          "constexpr",
                                          "constinit",
                                          "continue",
                                          "decltype",
                                          "default",
                                          "delete",
                                          "do",
                                          "double",
                                          "dynamic_cast",
                                          "else",
                                          "enum",
                                          "errno",
                                          "explicit",
                                          "export",
                                          "extern",
                                          "false",
                                          "float",
                                          "for",
                                          "friend",
                                          "goto",
                                          "if",
                                          "imaginary",
                                          "inline",
                                          "int",
                                          "linux",
                                          "long",
                                          "mutable",
                                          "namespace",
                                          "new",
                                          "noexcept",
                                          "not",
                                          "not_eq",
                                          "nullptr",
                                          "operator",
                                          "or",
                                          "or_eq",
                                          "private",
                                          "protected",
                                          "public",
                                          "register",
                                          "reinterpret_cast",
                                          "requires",
                                          "restrict",
                                          "return",
                                          "short",
                                          "signed",
                                          "sizeof",
                                          "static",
                                          "static_assert",
                                          "static_cast",
                                          "stderr",
                                          "stdin",
                                          "stdout",
                                          "struct",
                                          "switch",
                                          "template",
                                          "this",
                                          "thread_local",
                                          "throw",
                                          "true",
                                          "try",
                                          "typedef",
                                          "typeid",
                                          "typename",
                                          "typeof",
                                          "typeof_unqual",
                                          "union",
                                          "unix",
                                          "unsigned",
                                          "using",
                                          "virtual",
                                          "void",
                                          "volatile",
                                          "wchar_t",
                                          "while",
                                          "xor",
                                          "xor_eq"};

bool IsLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }

}  // namespace

bool IsSafeIdentifier(std::string_view name) { return SafeIdentifier(name) == name; }

std::string SafeIdentifier(std::string_view name) {
  std::string safe;
  for (const char c : name) safe += IsLetter(c) || IsDigit(c) ? c : '_';
  // Names that begin with an underscore are the implementation's at file scope.
  if (safe.empty() || !IsLetter(safe.front())) safe = "m" + safe;
  if (std::ranges::find(kReserved, std::string_view(safe)) != std::end(kReserved)) safe += '_';
  return safe;
}

std::string UniqueIdentifier(std::string_view name, std::set<std::string>& taken) {
  const std::string base = SafeIdentifier(name);
  std::string unique = base;
  for (int number = 2; !taken.insert(unique).second; ++number)
    unique = fmt::format("{}_{}", base, number);
  return unique;
}

}  // namespace descent
