// A program outside the project: what it needs is found through find_package(keywarden) alone.
#include <keywarden/core/encoding.hpp>
#include <keywarden/core/random.hpp>
#include <keywarden/core/secret.hpp>

int main() {}
