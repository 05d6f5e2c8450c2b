/// @file
/// Writing a large file past the page cache.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <utility>

#include <keywarden/core/bytes.hpp>
#include <keywarden/core/result.hpp>
#include <keywarden/core/secret.hpp>
#include <keywarden/key/byte_stream.hpp>
#include <keywarden/key/file_stream.hpp>

namespace keywarden {

namespace detail {

/// A descriptor's O_DIRECT, which becomes again what it was.
class direct_flag {
 public:
  direct_flag(int file, int flags) noexcept
      : file_(file), was_((flags & O_DIRECT) != 0), is_(was_) {}
  direct_flag(direct_flag&& other) noexcept
      : file_(std::exchange(other.file_, -1)), was_(other.was_), is_(other.is_) {}
  direct_flag& operator=(direct_flag&&) = delete;
  ~direct_flag() { (void)restore(); }  // nobody is left to be told

  [[nodiscard]] int file() const noexcept { return file_; }
  [[nodiscard]] bool is_set() const noexcept { return is_; }

  /// Whether it could be set so; errno says why not.
  [[nodiscard]] bool set(bool wanted) noexcept {
    if (file_ < 0 || wanted == is_) return true;
    const int flags = ::fcntl(file_, F_GETFL);
    const int changed = wanted ? flags | O_DIRECT : flags & ~O_DIRECT;
    if (flags < 0 || ::fcntl(file_, F_SETFL, changed) != 0) return false;
    is_ = wanted;
    return true;
  }
  [[nodiscard]] bool restore() noexcept { return set(was_); }

 private:
  int file_;
  bool was_;
  bool is_;
};

/// What addresses and offsets must be multiples of for O_DIRECT: at least a block of 4 KiB, more
/// where the kernel says so. Nothing where it says that the file cannot.
[[nodiscard]] inline std::optional<std::size_t> direct_alignment(int file) noexcept {
  constexpr std::size_t block = 4096;
#ifdef STATX_DIOALIGN
  struct ::statx told = {};
  if (::statx(file, "", AT_EMPTY_PATH, STATX_DIOALIGN, &told) == 0 &&
      (told.stx_mask & STATX_DIOALIGN) != 0) {
    if (told.stx_dio_offset_align == 0) return std::nullopt;
    return std::max<std::size_t>({block, told.stx_dio_mem_align, told.stx_dio_offset_align});
  }
#else
  (void)file;
#endif
  return block;
}

}  // namespace detail

/// Writes a large file in order, past the page cache (O_DIRECT): less than half of the processor
/// time that the system takes to write through it. Each piece waits for the disk, and nothing else
/// is done meanwhile: where nobody syncs the file, it can take twice as long until it is written.
/// For a small file, and for one that is read again at once, `fd_sink` is the better one.
///
/// The caller owns the descriptor, which is of a regular file and open for writing, keeps it open
/// for as long as this object, and syncs it. Writing begins where the descriptor stands, a multiple
/// of the alignment (4096, seldom more), and moves it on. Bytes are gathered in a buffer of its own
/// and written in pieces of `piece_size`; `finish` writes the rest in the ordinary way, so that the
/// file has the bytes that were given and no others. Without `finish` the end is missing, as much
/// as a piece of it: `opened_stream_key::open` refuses a sealed stream without its end (with the
/// default size of segments as `truncated`), other formats may not notice.
///
/// O_DIRECT belongs to everybody who has a duplicate of the descriptor, also for reading; it
/// becomes again what it was with `finish` and with the end of this object.
///
/// Where the file system refuses O_DIRECT, everything goes through the page cache as with
/// `fd_sink`: slower, and no less safe; `direct` tells. The buffer is wiped with this object.
/// Nothing is allocated while all goes well. Movable; one thread at a time.
class direct_file_sink {
 public:
  /// How many bytes are written at once.
  static constexpr std::size_t piece_size = std::size_t{1} << 20U;

  /// Errors: `invalid_argument` for what is not a regular file, is not open for writing or only to
  /// append, or stands between two multiples of the alignment; `io_failed`.
  [[nodiscard]] static result<direct_file_sink> create(int file) {
    struct ::stat status = {};
    if (::fstat(file, &status) != 0) return detail::descriptor_failure(errno, "fstat");
    if (!S_ISREG(status.st_mode))
      return error(errc::invalid_argument)
          .with(fact::reason, "not a regular file")
          .with(fact::next_step, "write it with fd_sink");
    const int flags = ::fcntl(file, F_GETFL);
    if (flags < 0) return detail::descriptor_failure(errno, "fcntl");
    if ((flags & O_ACCMODE) == O_RDONLY)
      return error(errc::invalid_argument).with(fact::reason, "not open for writing");
    if ((flags & O_APPEND) != 0)
      return error(errc::invalid_argument)
          .with(fact::reason, "open to append, wherever it stands")
          .with(fact::next_step, "write it with fd_sink");
    const auto begins = ::lseek(file, 0, SEEK_CUR);
    if (begins < 0) return detail::descriptor_failure(errno, "lseek");
    const auto told = detail::direct_alignment(file);
    const auto alignment = told.value_or(least_alignment);
    if (static_cast<std::uint64_t>(begins) % alignment != 0)
      return error(errc::invalid_argument)
          .with(fact::reason, "writing would begin between two blocks")
          .with(fact::limit, alignment)
          .with(fact::actual, static_cast<std::uint64_t>(begins))
          .with(fact::next_step, "write it with fd_sink");
    direct_file_sink made(detail::direct_flag(file, flags), alignment);
    (void)made.flag_.set(told && piece_size % alignment == 0);  // `direct` tells
    return made;
  }

  /// As `byte_sink`: takes all of it; what makes no whole piece is written later. Errors:
  /// `io_failed`, also for what was taken before; then, and after `finish`, every further call is
  /// refused.
  [[nodiscard]] result<void> write(bytes_view data) {
    if (refusal_) return *refusal_;
    while (!data.empty()) {
      const auto taken = std::min(data.size(), room_.size() - filled_);
      std::memcpy(room_.data() + filled_, data.data(), taken);
      data = data.subspan(taken);
      filled_ += taken;
      if (filled_ == room_.size())
        if (auto written = put(); !written) return written;
    }
    return done();
  }

  /// Writes what is left, so that the file has everything; the caller syncs. Errors: `io_failed`;
  /// as `write` after an error; `invalid_argument` after `finish`.
  [[nodiscard]] result<void> finish() {
    if (refusal_) return *refusal_;
    if (!flag_.set(false)) return refused(detail::descriptor_failure(errno, "fcntl"));
    if (auto written = put(); !written) return written;
    if (!flag_.restore()) return refused(detail::descriptor_failure(errno, "fcntl"));
    refusal_ = error(errc::invalid_argument).with(fact::reason, "the file was finished");
    return done();
  }

  /// Whether it writes past the page cache, as far as the file system has not refused yet.
  [[nodiscard]] bool direct() const noexcept { return flag_.is_set(); }

 private:
  static constexpr std::size_t least_alignment = 4096;

  direct_file_sink(detail::direct_flag flag, std::size_t alignment)
      : flag_(std::move(flag)), buffer_(piece_size + alignment) {
    void* from = buffer_.view().data();
    auto space = buffer_.size();
    std::align(alignment, piece_size, from, space);
    room_ = buffer_.view().subspan(buffer_.size() - space, piece_size);
  }

  // Writes what was gathered. A file system may accept O_DIRECT and refuse the write: then, and
  // for what a short write has left unaligned, it is done in the ordinary way, which also tells the
  // true reason where there is another one.
  [[nodiscard]] result<void> put() {
    bytes_view rest = room_.first(std::exchange(filled_, 0));
    int number = detail::write_all(flag_.file(), rest);
    if (number == EINVAL && flag_.is_set() && flag_.set(false))
      number = detail::write_all(flag_.file(), rest);
    return number == 0 ? done() : refused(detail::descriptor_failure(number, "write"));
  }

  [[nodiscard]] error refused(error why) {
    refusal_ = why;
    return why;
  }

  detail::direct_flag flag_;
  plaintext buffer_;
  mutable_bytes room_;  // the aligned part of it
  std::size_t filled_ = 0;
  std::optional<error> refusal_;
};

static_assert(byte_sink<direct_file_sink>);

}  // namespace keywarden
