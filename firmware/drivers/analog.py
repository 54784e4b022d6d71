# The mean of an analog input; one conversion is noisy, the mean of a few is not.

# The ADC's top; an input that rests there is a broken wire.
TOP_UV = 3290000
_SAMPLES = 8


def mean_uv(adc: object) -> int:
    return sum([adc.read_uv() for _ in range(_SAMPLES)]) // _SAMPLES
