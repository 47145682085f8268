#pragma once

#include <filesystem>
#include <functional>

#include "proto/bytes.hpp"

/// The command line's side of input and output: the daemon never opens files that a client names.
namespace maillon::cli {

/// A whole file, or stdin for "-". Errc::not_found, ::full beyond limits::kImportFileMax.
[[nodiscard]] Result<Bytes> read_input(const std::string& path);

/// A file that appears under its name only once it is whole and durable. Of a link, the file that it
/// leads to is replaced.
class OutputFile {
 public:
  /// Errc::refused when it exists and may not be replaced, or is no file at all: a device, a pipe, a
  /// folder. A secret one only its owner may read.
  [[nodiscard]] static Result<OutputFile> create(const std::filesystem::path& name,
                                                 bool may_replace, bool secret);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();
  [[nodiscard]] Result<void> write(ByteView piece);
  [[nodiscard]] Result<void> finish();

 private:
  OutputFile(int fd, std::filesystem::path path, std::filesystem::path partial)
      : fd_(fd), path_(std::move(path)), partial_(std::move(partial)) {}
  int fd_;
  std::filesystem::path path_;
  std::filesystem::path partial_;
};

/// Why the system refused, by errno, in the words of people who speak French.
[[nodiscard]] std::string system_in_french(int error);

/// Writes all of it; false when the system refuses.
[[nodiscard]] bool write_all(int fd, ByteView bytes);

}  // namespace maillon::cli
