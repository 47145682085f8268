#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "tests/fuzz/target.hpp"

/// fuzz_corpus CORPUS [TARGET]: plays CORPUS/TARGET/* to each target, in order. A file whose law is
/// broken is the last one named.
namespace maillon::fuzz {
namespace {

namespace fs = std::filesystem;

std::map<std::string, Target>& targets() {
  static std::map<std::string, Target> all;
  return all;
}

Bytes whole_file(const fs::path& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// How many inputs there were.
std::size_t play(const fs::path& folder, Target target) {
  std::error_code none;
  std::map<std::string, fs::path> files;
  for (const auto& entry : fs::directory_iterator{folder, none})
    files.emplace(entry.path().filename().string(), entry.path());
  for (const auto& [name, path] : files) {
    std::printf("%s\n", path.c_str());
    std::fflush(stdout);
    target(whole_file(path));
  }
  return files.size();
}

int run(const fs::path& corpus, const std::string& only) {
  bool good = only.empty() || targets().contains(only);
  for (const auto& [name, target] : targets()) {
    if (!only.empty() && name != only) continue;
    if (play(corpus / name, target) > 0) continue;
    std::fprintf(stderr, "no inputs in %s\n", (corpus / name).c_str());
    good = false;
  }
  return good ? 0 : 1;
}

}  // namespace

Registration::Registration(std::string_view name, Target target) {
  targets().emplace(name, target);
}

}  // namespace maillon::fuzz

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "fuzz_corpus CORPUS [TARGET]\n");
    return 2;
  }
  return maillon::fuzz::run(argv[1], argc > 2 ? argv[2] : "");
}
