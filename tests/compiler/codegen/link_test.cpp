#include "compiler/codegen/link.h"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "tests/compiler/codegen/kernel_testing.h"

namespace descent {
namespace {

namespace fs = std::filesystem;

class Link : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() / ("descent_link_test_" + std::to_string(getpid()));
    fs::create_directories(folder_);
    const Kernel kernel = ElementwiseKernel(
        "double", {5}, {DType::kF32},
        {Call(ScalarOp::kAdd, {ReadScalar(0, DType::kF32), ReadScalar(0, DType::kF32)})});
    program_ = ProgramOf(kernel);
    auto object = EmitObject(program_, NativeTarget());
    ASSERT_TRUE(object.has_value());
    object_ = *object;
  }
  void TearDown() override { fs::remove_all(folder_); }
  std::string Path(const char* name) { return (folder_ / name).string(); }
  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path folder_;
  KernelProgram program_;
  std::vector<char> object_;
};

TEST_F(Link, SharedLibraryRuns) {
  const std::string path = Path("model.so");
  const auto linked = LinkSharedLibrary(object_, path);
  ASSERT_TRUE(linked.has_value()) << linked.error().message;
  void* library = dlopen(path.c_str(), RTLD_NOW);
  ASSERT_NE(library, nullptr) << dlerror();
  const auto* program = static_cast<const descent_program*>(dlsym(library, "test_program"));
  ASSERT_NE(program, nullptr);
  const float x[5] = {1, 2, 3, 4, 5};
  float y[5] = {};
  const void* inputs[] = {x};
  void* outputs[] = {y};
  const descent_call call{nullptr, nullptr, inputs, outputs, 0, nullptr};
  EXPECT_EQ(program->entries[0].run(&call), 0u);
  EXPECT_EQ(y[4], 10);
  EXPECT_EQ(dlsym(library, "test_double"), nullptr) << "kernels are not exported";
  dlclose(library);
}

TEST_F(Link, SameInputSameBytes) {
  fs::create_directories(folder_ / "elsewhere");
  ASSERT_TRUE(LinkSharedLibrary(object_, Path("model.so")).has_value());
  ASSERT_TRUE(LinkSharedLibrary(object_, Path("elsewhere/model.so")).has_value());
  EXPECT_EQ(Read(Path("model.so")), Read(Path("elsewhere/model.so")));
}

TEST_F(Link, ArchivesLinkIntoOtherPrograms) {
  // Others link without a sanitizer's runtime.
  const auto object = EmitObject(program_, NativeTarget(), {.sanitizer = Sanitizer::kNone});
  ASSERT_TRUE(object.has_value());
  ASSERT_TRUE(WriteStaticArchive(*object, Path("libmodel.a"), "model.o").has_value());
  std::ofstream(Path("main.c")) << "extern const char test_program[];\n"
                                   "int main(void) { return test_program[0] == "
                                << DESCENT_ABI_VERSION << " ? 0 : 1; }\n";
  const std::string command = "cc -o " + Path("main") + " " + Path("main.c") + " " +
                              Path("libmodel.a") + " && " + Path("main");
  EXPECT_EQ(std::system(command.c_str()), 0);
  EXPECT_EQ(Read(Path("libmodel.a")).substr(0, 8), "!<arch>\n");
}

TEST_F(Link, MissingRuntimeAndDriverAreDiagnosed) {
  const auto no_runtime =
      LinkExecutable({&object_, 1}, Path("trainer"), {.runtime_directory = Path("no")});
  ASSERT_FALSE(no_runtime.has_value());
  EXPECT_EQ(no_runtime.error().status, ExitStatus::kIo);
  EXPECT_NE(no_runtime.error().message.find("libdescent_trainer_main.a"), std::string::npos);
  const std::string path = std::getenv("PATH");
  setenv("PATH", Path("no").c_str(), 1);
  const auto no_driver = LinkSharedLibrary(object_, Path("model.so"));
  setenv("PATH", path.c_str(), 1);
  ASSERT_FALSE(no_driver.has_value());
  EXPECT_NE(no_driver.error().hint.find("apt install gcc"), std::string::npos);
}

TEST_F(Link, NothingIsLeftWhenLinkingFails) {
  const std::vector<char> broken(100, 'x');
  const auto linked = LinkSharedLibrary(broken, Path("model.so"));
  ASSERT_FALSE(linked.has_value());
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 0);
}

TEST_F(Link, UnwritablePlacesAreIoErrors) {
  const auto written = WriteFileAtomically(object_, Path("no/such/folder/model.o"));
  ASSERT_FALSE(written.has_value());
  EXPECT_EQ(written.error().status, ExitStatus::kIo);
}

}  // namespace
}  // namespace descent
