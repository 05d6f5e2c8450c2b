#include "files.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/key/file_stream.hpp>

namespace cli {

using keywarden::errc;
using keywarden::error;
using keywarden::fact;
using keywarden::plaintext;
using keywarden::result;

namespace {

error failed(const std::string& path, std::string_view operation) {
  const int number = errno;
  return error(errc::io_failed)
      .with(fact::file, path)
      .with(fact::operation, operation)
      .with(fact::reason, std::generic_category().message(number));
}

error exists(const std::string& path) {
  return error(errc::already_exists)
      .with(fact::file, path)
      .with(fact::next_step, "--overwrite replaces it");
}

bool progress_shown = false;

}  // namespace

descriptor& descriptor::operator=(descriptor&& other) noexcept {
  if (this != &other) {
    close();
    number_ = other.release();
  }
  return *this;
}
int descriptor::release() noexcept { return std::exchange(number_, -1); }
void descriptor::close() noexcept {
  if (number_ >= 0) ::close(release());
}

result<descriptor> open_to_read(const std::string& path) {
  descriptor opened(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!opened) return failed(path, "open");
  return opened;
}

result<plaintext> read_all(int file, std::size_t limit) {
  keywarden::fd_source source(file);
  plaintext data(limit + 1);
  for (std::size_t size = 0;;) {
    if (size > limit) return error(errc::message_too_long).with(fact::limit, limit);
    auto got = source.read(data.view().subspan(size));
    if (!got) return got.error();
    if (*got == 0) {
      data.shrink(size);
      return data;
    }
    size += *got;
  }
}

result<plaintext> read_file(const std::string& path, std::size_t limit) {
  auto file = open_to_read(path);
  if (!file) return file.error();
  auto data = read_all(file->number(), limit);
  if (!data) return error(data.error()).with(fact::file, path);
  return data;
}

result<output_file> output_file::create(std::string path, bool may_replace) {
  output_file made(std::move(path), may_replace);
  struct ::stat there {};
  if (!may_replace && ::lstat(made.path_.c_str(), &there) == 0) return exists(made.path_);
  auto suffix = keywarden::random_public<keywarden::strong_bytes<8, struct temporary_name>>();
  if (!suffix) return suffix.error();
  const auto name = made.path_ + ".new-" + keywarden::to_hex(suffix->view());
  made.file_ = descriptor(::open(made.folder().c_str(), O_TMPFILE | O_WRONLY | O_CLOEXEC, 0600));
  if (!made.file_) {
    made.file_ = descriptor(::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made.file_) return failed(made.path_, "create");
    made.temporary_ = name;
  }
  return made;
}

output_file::output_file(output_file&& other) noexcept
    : path_(std::move(other.path_)),
      may_replace_(other.may_replace_),
      file_(std::move(other.file_)),
      temporary_(std::exchange(other.temporary_, {})) {}

output_file::~output_file() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

std::string output_file::folder() const {
  const auto parent = std::filesystem::path(path_).parent_path();
  return parent.empty() ? "." : parent.string();
}

result<void> output_file::commit() {
  if (::fsync(file_.number()) != 0) return failed(path_, "fsync");
  if (temporary_.empty()) {
    auto suffix = keywarden::random_public<keywarden::strong_bytes<8, struct temporary_name>>();
    if (!suffix) return suffix.error();
    const auto name = path_ + ".new-" + keywarden::to_hex(suffix->view());
    const auto unnamed = "/proc/self/fd/" + std::to_string(file_.number());
    if (::linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) != 0)
      return failed(path_, "link");
    temporary_ = name;
  }
  const unsigned flags = may_replace_ ? 0U : RENAME_NOREPLACE;
  if (::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), flags) != 0)
    return errno == EEXIST ? exists(path_) : failed(path_, "rename");
  temporary_.clear();
  const descriptor opened(::open(folder().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!opened || ::fsync(opened.number()) != 0) return failed(folder(), "fsync");
  return keywarden::done();
}

result<void> write_file(const std::string& path, bool may_replace, keywarden::bytes_view data) {
  auto out = output_file::create(path, may_replace);
  if (!out) return out.error();
  keywarden::fd_sink sink(out->number());
  if (auto written = sink.write(data); !written)
    return error(written.error()).with(fact::file, path);
  return out->commit();
}

std::function<void(std::uint64_t)> progress(std::string_view verb, std::uint64_t total) {
  using clock = std::chrono::steady_clock;
  if (::isatty(STDERR_FILENO) != 1) return {};
  return
      [verb, total, next = clock::now() + std::chrono::seconds(2)](std::uint64_t so_far) mutable {
        const auto now = clock::now();
        if (now < next) return;
        next = now + std::chrono::milliseconds(250);
        progress_shown = true;
        constexpr std::uint64_t mebibyte = 1U << 20U;
        const auto text = total == 0 ? std::string() : " of " + std::to_string(total / mebibyte);
        std::fprintf(stderr, "\r%.*s %llu%s MiB", static_cast<int>(verb.size()), verb.data(),
                     static_cast<unsigned long long>(so_far / mebibyte), text.c_str());
      };
}

void end_progress() {
  if (std::exchange(progress_shown, false)) std::fputc('\n', stderr);
}

}  // namespace cli
