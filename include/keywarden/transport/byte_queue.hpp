/// @file
/// Bytes on their way: appended at one end, taken from the other.
#pragma once

#include <algorithm>

#include <keywarden/core/bytes.hpp>

namespace keywarden::transport::detail {

/// A queue of bytes in one buffer of type `Buffer`. Taken bytes give their room back when the
/// queue runs empty, or when they are more than what is left.
template <class Buffer>
class byte_queue {
 public:
  void append(bytes_view data) {
    if (start_ != 0 && start_ >= buffer_.size() - start_) compact();
    const auto at = buffer_.size();
    buffer_.resize(at + data.size());
    copy_bytes(mutable_bytes(buffer_).subspan(at), data);
  }
  /// Valid until the next call that is not const.
  [[nodiscard]] bytes_view view() const noexcept { return bytes_view(buffer_).subspan(start_); }
  [[nodiscard]] std::size_t size() const noexcept { return buffer_.size() - start_; }
  [[nodiscard]] bool empty() const noexcept { return size() == 0; }

  /// Forgets the first bytes, of which there are at least so many.
  void take(std::size_t count) {
    start_ += std::min(count, size());
    if (start_ != buffer_.size()) return;
    start_ = 0;
    if (buffer_.capacity() > kept_capacity)
      buffer_ = Buffer();
    else
      buffer_.clear();
  }
  void clear() {
    start_ = 0;
    buffer_ = Buffer();
  }

 private:
  static constexpr std::size_t kept_capacity = 65536;

  void compact() {
    std::ranges::copy(view(), buffer_.begin());
    buffer_.resize(size());
    start_ = 0;
  }

  Buffer buffer_;
  std::size_t start_ = 0;
};

}  // namespace keywarden::transport::detail
