// Where data comes from: the SPEC of --data and --test-data.
//
//   circle:samples=500,noise=0.1,seed=1     a generator with its options
//   fashion-mnist                           the files of Debian's package dataset-fashion-mnist
//   iris.csv   iris.csv:label=species       CSV; options label, header=yes|no, separator=C
//   data.npz   data.npz:label=y             arrays by name
//   features=x.npy,label=y.npy              one array a file, IDX or NPY (images= and labels= mean
//   the same) mnist/                                  a folder with the four IDX files of MNIST
//
// Files may be gzip; what they are is decided by content, not by name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "runtime/data/dataset.h"

namespace descent::runtime {

struct LoadedData {
  Dataset data;
  std::optional<Dataset> test;  ///< where the source has test data of its own
};

/// The files that LoadData would read.
std::vector<std::string> FilesOf(const std::string& spec);

Result<LoadedData> LoadData(const std::string& spec, const DataNeeds& needs);

}  // namespace descent::runtime
