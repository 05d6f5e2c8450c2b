/// @file
/// Memory for tables that are looked up at random, in large pages where the system has them.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <new>

namespace keywarden::admit::detail {

/// An allocator that asks the kernel for large pages (MADV_HUGEPAGE) from 4 MiB on, so that a
/// look-up costs one miss of the cache and none of the address translation. Advice only: where it
/// is not taken, the memory is ordinary. Takes at most 2 MiB more than was asked for. Stateless;
/// any thread. Throws `std::bad_alloc`, as allocators do.
template <class T>
struct large_page_allocator {
  using value_type = T;
  static constexpr std::size_t page = std::size_t{2} << 20U;

  large_page_allocator() = default;
  template <class Other>
  // NOLINTNEXTLINE(google-explicit-constructor): containers convert allocators
  constexpr large_page_allocator(const large_page_allocator<Other>&) noexcept {}

  [[nodiscard]] T* allocate(std::size_t count) {
    if (count > (~std::size_t{0} - page) / sizeof(T)) throw std::bad_alloc();
    const auto alignment = alignment_of(count);
    const auto size = (count * sizeof(T) + alignment - 1) / alignment * alignment;
    void* const made = ::operator new (size, std::align_val_t{alignment});
#ifdef MADV_HUGEPAGE
    if (alignment == page) ::madvise(made, size, MADV_HUGEPAGE);
#endif
    return static_cast<T*>(made);
  }
  void deallocate(T* given, std::size_t count) noexcept {
    ::operator delete (given, std::align_val_t{alignment_of(count)});
  }

  friend bool operator==(const large_page_allocator&, const large_page_allocator&) = default;

 private:
  [[nodiscard]] static constexpr std::size_t alignment_of(std::size_t count) noexcept {
    return count * sizeof(T) < 2 * page ? alignof(T) : page;
  }
};

}  // namespace keywarden::admit::detail
