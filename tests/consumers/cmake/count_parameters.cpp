// count_parameters MODEL EXPECTED: a user's tool on the libraries; exit status 0 if the model has
// as many parameters as expected.
#include <cstdint>
#include <cstdlib>
#include <iostream>

#include "ir/io/model_file.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const auto model = descent::ReadModel(argv[1]);
  if (!model) {
    std::cerr << model.error().ToString();
    return 1;
  }
  int64_t count = 0;
  for (const auto& slot : model->slots) {
    if (slot.kind == descent::SlotKind::kParameter) count += slot.type.elements();
  }
  std::cout << count << " parameters\n";
  return count == std::atoll(argv[2]) ? 0 : 1;
}
