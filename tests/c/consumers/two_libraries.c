/* Two Rust libraries in one program: consumer.c with other.rs called before and after. */
#define main consumer_main
#include "consumer.c"
#undef main

int other_library(void);

int main(void) { return other_library() == 42 && consumer_main() == 0 && other_library() == 42 ? 0 : 1; }
