/// @file
/// The access token for operations that weaken protection, so that every use of one greps.
#pragma once

namespace keywarden::hazmat {

/// Permission to take key bytes out of their protection, or to weaken a default on purpose.
///
/// Every function that could leak a secret takes one of these. It protects nothing by itself: it
/// makes each such place findable (`grep -r insecure_access`) and reviewable.
class insecure_access {
 public:
  /// The only way to get a token. Write the reason beside the call.
  [[nodiscard]] static constexpr insecure_access i_know_what_i_do() noexcept { return {}; }

 private:
  constexpr insecure_access() noexcept = default;
};

}  // namespace keywarden::hazmat
