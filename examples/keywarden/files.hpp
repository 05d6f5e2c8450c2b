/// @file
/// Files as commands read and write them: whole outputs or none.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>

namespace cli {

/// A file descriptor that is closed with its owner; -1 is none.
class descriptor {
 public:
  descriptor() noexcept = default;
  explicit descriptor(int opened) noexcept : number_(opened) {}
  descriptor(descriptor&& other) noexcept : number_(other.release()) {}
  descriptor& operator=(descriptor&& other) noexcept;
  ~descriptor() { close(); }

  [[nodiscard]] int number() const noexcept { return number_; }
  [[nodiscard]] explicit operator bool() const noexcept { return number_ >= 0; }

 private:
  int release() noexcept;
  void close() noexcept;

  int number_ = -1;
};

/// Opens a file to read. Errors: `io_failed`.
[[nodiscard]] keywarden::result<descriptor> open_to_read(const std::string& path);

/// The whole content of what a descriptor gives. Errors: `io_failed`, `message_too_long` above
/// `limit`.
[[nodiscard]] keywarden::result<keywarden::plaintext> read_all(int file, std::size_t limit);

/// The whole content of a file. Errors: as `read_all`.
[[nodiscard]] keywarden::result<keywarden::plaintext> read_file(const std::string& path,
                                                                std::size_t limit);

/// A file that appears under its name when it is whole and on disk, or not at all. Readable by its
/// owner only.
///
/// Until `commit` it has no name, so that nothing is left of it if the program is killed (where the
/// file system cannot do that, a temporary file beside it may be).
class output_file {
 public:
  /// Errors: `already_exists` unless it may be replaced; `io_failed`.
  [[nodiscard]] static keywarden::result<output_file> create(std::string path, bool may_replace);

  output_file(output_file&& other) noexcept;
  output_file& operator=(output_file&&) = delete;
  ~output_file();

  [[nodiscard]] int number() const noexcept { return file_.number(); }

  /// Makes it durable and gives it its name. Errors: `io_failed`, `already_exists`.
  [[nodiscard]] keywarden::result<void> commit();

 private:
  output_file(std::string path, bool may_replace)
      : path_(std::move(path)), may_replace_(may_replace) {}

  [[nodiscard]] std::string folder() const;

  std::string path_;
  bool may_replace_;
  descriptor file_;
  std::string temporary_;  // its name meanwhile, if it has one
};

/// Writes a whole file. Errors: as `output_file`.
[[nodiscard]] keywarden::result<void> write_file(const std::string& path, bool may_replace,
                                                 keywarden::bytes_view data);

/// Shows how far a long operation is, on a terminal, once it has taken two seconds. `total` 0: not
/// known.
[[nodiscard]] std::function<void(std::uint64_t)> progress(std::string_view verb,
                                                          std::uint64_t total);

/// Ends the line that `progress` wrote, if it did.
void end_progress();

}  // namespace cli
