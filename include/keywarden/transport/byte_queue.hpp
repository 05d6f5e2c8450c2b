/// @file
/// Bytes on their way: appended at one end, taken from the other.
#pragma once

#include <algorithm>

#include <keywarden/core/bytes.hpp>

namespace keywarden::transport::detail {

/// A queue of bytes in one buffer of type `Buffer`, whose room is kept and filled again. It is
/// given back when the queue runs empty and there is much of it; taken bytes give theirs back when
/// they are more than what is left.
template <class Buffer>
class byte_queue {
 public:
  void append(bytes_view data) {
    copy_bytes(room(data.size()).first(data.size()), data);
    end_ += data.size();
  }
  /// Where at least `count` bytes can be written behind what there is; then say how many were.
  [[nodiscard]] mutable_bytes room(std::size_t count) {
    if (start_ != 0 && start_ >= size()) compact();
    if (buffer_.size() - end_ < count) grow(end_ + count);
    return mutable_bytes(buffer_).subspan(end_);
  }
  /// So many bytes were written to `room`.
  void filled(std::size_t count) noexcept { end_ += count; }

  /// Valid until the next call that is not const.
  [[nodiscard]] bytes_view view() const noexcept {
    return bytes_view(buffer_).subspan(start_, size());
  }
  [[nodiscard]] std::size_t size() const noexcept { return end_ - start_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Forgets the first bytes, of which there are at least so many.
  void take(std::size_t count) {
    start_ += std::min(count, size());
    if (start_ != end_) return;
    start_ = end_ = 0;
    if (buffer_.size() > kept_room) buffer_ = Buffer();
  }
  /// Forgets what was appended last, down to `size` bytes.
  void cut_to(std::size_t size) noexcept { end_ = start_ + std::min(size, this->size()); }
  void clear() {
    start_ = end_ = 0;
    buffer_ = Buffer();
  }

 private:
  // What 64 KiB take as records, and one record more.
  static constexpr std::size_t kept_room = 98304;

  void compact() {
    std::ranges::copy(view(), buffer_.begin());
    end_ = size();
    start_ = 0;
  }
  void grow(std::size_t needed) {
    const auto doubled = std::max(needed, 2 * buffer_.size());
    buffer_.resize(needed <= kept_room ? std::min(doubled, kept_room) : doubled);
  }

  Buffer buffer_;          // what is behind end_ was used before, or never
  std::size_t start_ = 0;  // what is before it was taken
  std::size_t end_ = 0;
};

}  // namespace keywarden::transport::detail
