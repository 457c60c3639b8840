"""One drawing, several right answers: skin tones of OpenMoji."""
